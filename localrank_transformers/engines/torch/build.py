"""A detected family and its files into a model that ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank_transformers.engines.torch.device import choose
from localrank_transformers.engines.torch.encoder import EncoderEngine, load_classifier
from localrank_transformers.engines.torch.modular import load_modular
from localrank_transformers.engines.torch.runtime import TorchRuntime
from localrank_transformers.families.cross_encoder import read_shape, window
from localrank_transformers.families.detection import Kind
from localrank_transformers.families.pairs import PairQuery
from localrank_transformers.pointwise import PointwiseFamily, PointwiseQuery
from localrank_transformers.tokenization import PairTokenizer
from localrank_transformers.torch_files import TorchFiles
from localrank_transformers.torch_settings import TorchSettings

if TYPE_CHECKING:
    from localrank_transformers.torch_loaded import TorchFamily

__all__ = ["batch_tokens", "family", "runtime"]

CPU_BATCH_TOKENS = 2_048
GPU_BATCH_TOKENS = 32_768


def runtime(settings: TorchSettings) -> TorchRuntime:
    """Return the device that `settings` come to."""
    return TorchRuntime(choose(settings.device, settings.dtype))


def batch_tokens(settings: TorchSettings, device: TorchRuntime) -> int:
    """Return the padded tokens of a batch: as asked for, or what suits the device."""
    on_cpu = device.placement.device.type == "cpu"
    return settings.batch_tokens or (CPU_BATCH_TOKENS if on_cpu else GPU_BATCH_TOKENS)


def family(kind: Kind, files: TorchFiles, settings: TorchSettings, device: TorchRuntime) -> TorchFamily:
    """Load the model of `files` as one of the family `kind`.

    Raises:
        ModelLoadError: The files do not make such a model.
        InvalidRequestError: A setting that does not fit it.
    """
    match kind:
        case "cross-encoder":
            return _cross_encoder(load_classifier(files.folder, device, settings), files, settings, device)
        case "modular":
            return _cross_encoder(load_modular(files, device, settings), files, settings, device)
        case _:
            raise ModelLoadError(f"TorchReranker cannot run models of the family {kind!r} yet.")


def _cross_encoder(
    engine: EncoderEngine, files: TorchFiles, settings: TorchSettings, device: TorchRuntime
) -> PointwiseFamily:
    _refuse(settings, "a cross-encoder", "template", "instruction", "layer")
    shape = read_shape(engine.config, files.tokenizer_config)
    tokenizer = PairTokenizer(files.tokenizer(), max_length=window(shape, settings.max_length, None))

    def open_query(query: str, _instruction: str | None) -> PointwiseQuery:
        return PairQuery(tokenizer, tokenizer.query(query), engine.logits)

    return PointwiseFamily(
        open_query,
        activation=settings.activation or "sigmoid",
        reads_instruction=False,
        batch_tokens=batch_tokens(settings, device),
    )


def _refuse(settings: TorchSettings, what: str, *names: str) -> None:
    for name in names:
        if getattr(settings, name) is not None:
            raise InvalidRequestError(
                f"{name} is {getattr(settings, name)!r}, but this model is {what}, which has none.",
                hint=f"Leave {name} out.",
            )
