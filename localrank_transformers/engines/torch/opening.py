"""A detected family and its files into a model that ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.engines.torch.device import choose, in_bf16_where_faster
from localrank_transformers.engines.torch.listwise.fusion import load_listt5
from localrank_transformers.engines.torch.listwise.generation import load_generative
from localrank_transformers.engines.torch.listwise.ordering import ListwiseFamily
from localrank_transformers.engines.torch.packed import PackedEngine, decide
from localrank_transformers.engines.torch.pointwise.causal import CausalEngine, CausalQuery, load_causal
from localrank_transformers.engines.torch.pointwise.encoder import EncoderEngine, load_classifier
from localrank_transformers.engines.torch.pointwise.late_interaction import load_late_interaction
from localrank_transformers.engines.torch.pointwise.layerwise import load_layerwise
from localrank_transformers.engines.torch.pointwise.modular import load_modular
from localrank_transformers.engines.torch.pointwise.scoring import PointwiseFamily, PointwiseQuery
from localrank_transformers.engines.torch.pointwise.seq2seq import load_seq2seq
from localrank_transformers.engines.torch.pointwise.t5_encoder import load_t5_encoder
from localrank_transformers.engines.torch.runtime import TorchRuntime
from localrank_transformers.engines.torch.settings import TorchSettings, refuse_settings
from localrank_transformers.families.detection import LAYERWISE, Kind, causal_template
from localrank_transformers.families.generative.causal import CausalPrompt
from localrank_transformers.families.generative.seq2seq import ENCODER_ONLY, seq2seq_template, seq2seq_window
from localrank_transformers.families.generative.templates import TEMPLATES, CausalTemplate
from localrank_transformers.families.listwise.causal import list_template
from localrank_transformers.families.listwise.listt5 import is_listt5
from localrank_transformers.families.pairs import PairQuery
from localrank_transformers.families.tokenization import PairTokenizer
from localrank_transformers.models.folder.settings_files import TorchFiles
from localrank_transformers.models.folder.shape import CrossEncoderShape, longest_window, read_shape, window

if TYPE_CHECKING:
    from localrank_transformers.call.contract import TorchFamily

__all__ = ["batch_tokens", "family", "open_causal", "runtime"]

CPU_BATCH_TOKENS = 1_024
GPU_BATCH_TOKENS = 32_768
GPU_CAUSAL_BATCH_TOKENS = 8_192
"""Causal rerankers are larger, and the sooner a batch ends, the sooner a call can be left."""


def runtime(settings: TorchSettings) -> TorchRuntime:
    """Return the device that `settings` come to."""
    return TorchRuntime(choose(settings.device, settings.dtype))


def batch_tokens(settings: TorchSettings, device: TorchRuntime, on_gpu: int = GPU_BATCH_TOKENS) -> int:
    """Return the padded tokens of a batch: as asked for, or what suits the device."""
    on_cpu = device.placement.device.type == "cpu"
    return settings.batch_tokens or (CPU_BATCH_TOKENS if on_cpu else on_gpu)


def family(
    kind: Kind,
    files: TorchFiles,
    settings: TorchSettings,
    device: TorchRuntime,
    *,
    affordable: int | None,
) -> TorchFamily:
    """Load the model of `files` as one of the family `kind`.

    Args:
        kind: What was detected.
        files: What the files say.
        settings: The constructor's arguments.
        device: Where to compute.
        affordable: The catalogue's default window, for a model that it knows.

    Raises:
        ModelLoadError: The files do not make such a model.
        InvalidRequestError: A setting that does not fit it.
    """
    settings = _with_attention(kind, files, settings, device)
    match kind:
        case "cross-encoder":
            return _cross_encoder(
                load_classifier(files.folder, device, settings), files, settings, device, affordable
            )
        case "modular":
            return _cross_encoder(load_modular(files, device, settings), files, settings, device, affordable)
        case "causal":
            return _causal(files, settings, device, affordable)
        case "seq2seq":
            return _seq2seq(files, settings, device, affordable)
        case "listwise":
            return _listwise(files, settings, device, affordable)
        case "late-interaction":
            refuse_settings(
                settings, "a late-interaction model", "template", "instruction", "layer", "listwise"
            )
            budget = batch_tokens(settings, device)
            return load_late_interaction(files, settings, device, affordable=affordable, batch_tokens=budget)


def _with_attention(
    kind: Kind, files: TorchFiles, settings: TorchSettings, device: TorchRuntime
) -> TorchSettings:
    if kind in {"cross-encoder", "modular"}:
        decided = decide(settings, device.placement, files.architecture)
        if settings.dtype == "auto" and decided.attention == "packed":
            device.placement = in_bf16_where_faster(device.placement)
        return decided
    for name, value in (("attention", "packed"), ("compile", True)):
        if getattr(settings, name) == value:
            raise InvalidRequestError(
                f"{name} is {value!r}, which is for cross-encoders; this model is of the family {kind!r}.",
                hint=f"Leave {name} out.",
            )
    return settings


def _cross_encoder(
    engine: EncoderEngine | PackedEngine,
    files: TorchFiles,
    settings: TorchSettings,
    device: TorchRuntime,
    affordable: int | None,
) -> PointwiseFamily:
    refuse_settings(settings, "a cross-encoder", "template", "instruction", "layer", "listwise")
    shape = read_shape(engine.config, files.tokenizer_config)
    return _pairs(engine, files, settings, device, window(shape, settings.max_length, affordable))


def _pairs(
    engine: EncoderEngine | PackedEngine,
    files: TorchFiles,
    settings: TorchSettings,
    device: TorchRuntime,
    max_length: int,
) -> PointwiseFamily:
    tokenizer = PairTokenizer(files.tokenizer(), max_length=max_length)

    def open_query(query: str, _instruction: str | None) -> PointwiseQuery:
        return PairQuery(tokenizer, tokenizer.query(query), engine.logits)

    return PointwiseFamily(
        open_query,
        activation=settings.activation or "sigmoid",
        reads_instruction=False,
        batch_tokens=batch_tokens(settings, device),
    )


def _causal(
    files: TorchFiles, settings: TorchSettings, device: TorchRuntime, affordable: int | None
) -> PointwiseFamily:
    engine, prompt, template = open_causal(files, settings, device, affordable)

    def open_query(query: str, instruction: str | None) -> PointwiseQuery:
        asked = (instruction or settings.instruction) if template.reads_instruction else None
        return CausalQuery(prompt, prompt.head(query, asked), engine)

    return PointwiseFamily(
        open_query,
        activation=settings.activation or "sigmoid",
        reads_instruction=template.reads_instruction,
        batch_tokens=batch_tokens(settings, device, GPU_CAUSAL_BATCH_TOKENS),
    )


def open_causal(
    files: TorchFiles, settings: TorchSettings, device: TorchRuntime, affordable: int | None
) -> tuple[CausalEngine, CausalPrompt, CausalTemplate]:
    """Load a causal yes/no model, with the prompt that it was trained with."""
    refuse_settings(settings, "one that scores each document", "listwise")
    template = TEMPLATES[causal_template(files, settings.template)]
    if not template.reads_instruction:
        refuse_settings(settings, "one whose prompt is fixed", "instruction")
    shape = CrossEncoderShape(1, longest_window(files.config, files.tokenizer_config), 0)
    prompt = CausalPrompt(
        files.tokenizer(),
        files.tokenizer(),
        template,
        bos=files.start_token,
        max_length=window(shape, settings.max_length, affordable),
    )
    if files.architecture == LAYERWISE:
        return load_layerwise(files, device, settings), prompt, template
    refuse_settings(settings, "read at its last layer", "layer")
    return load_causal(files, prompt, device, settings), prompt, template


def _seq2seq(
    files: TorchFiles, settings: TorchSettings, device: TorchRuntime, affordable: int | None
) -> PointwiseFamily:
    refuse_settings(settings, "a sequence-to-sequence model", "instruction", "layer", "listwise")
    template = seq2seq_template(files, settings.template)
    if template == ENCODER_ONLY:
        length = seq2seq_window(settings.max_length, affordable)
        return _pairs(load_t5_encoder(files, device, settings), files, settings, device, length)
    budget = batch_tokens(settings, device)
    return load_seq2seq(files, template, settings, device, affordable=affordable, batch_tokens=budget)


def _listwise(
    files: TorchFiles, settings: TorchSettings, device: TorchRuntime, affordable: int | None
) -> ListwiseFamily:
    refuse_settings(settings, "a listwise model", "instruction", "layer", "activation")
    if is_listt5(files, settings.template):
        budget = batch_tokens(settings, device)
        return load_listt5(files, settings, device, affordable=affordable, batch_tokens=budget)
    return load_generative(files, list_template(settings.template), settings, device, affordable=affordable)
