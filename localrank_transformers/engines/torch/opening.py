"""A detected family and its files into a model that ranks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.call.call import PointwiseModel
from localrank_transformers.engines.native.pieces import fastest_finder
from localrank_transformers.engines.torch.device import choose, in_bf16_where_faster
from localrank_transformers.engines.torch.listwise.fusion import load_listt5
from localrank_transformers.engines.torch.listwise.generation import load_generative
from localrank_transformers.engines.torch.packed import decide
from localrank_transformers.engines.torch.pointwise.causal import CausalEngine, SharedPromptQuery, load_causal
from localrank_transformers.engines.torch.pointwise.encoder import load_classifier
from localrank_transformers.engines.torch.pointwise.late_interaction import load_late_interaction
from localrank_transformers.engines.torch.pointwise.layerwise import load_layerwise
from localrank_transformers.engines.torch.pointwise.modular import load_modular
from localrank_transformers.engines.torch.pointwise.seq2seq import load_seq2seq
from localrank_transformers.engines.torch.pointwise.t5_encoder import load_t5_encoder
from localrank_transformers.engines.torch.runtime import CPU_BATCH_TOKENS, TorchRuntime
from localrank_transformers.engines.torch.settings import TorchSettings, refuse_listwise, refuse_settings
from localrank_transformers.families.detection import LAYERWISE, causal_template, is_modular
from localrank_transformers.families.generative.causal_family import CausalFamily
from localrank_transformers.families.generative.seq2seq import ENCODER_ONLY, seq2seq_template, seq2seq_window
from localrank_transformers.families.generative.templates import TEMPLATES
from localrank_transformers.families.listwise.causal import list_template
from localrank_transformers.families.listwise.listt5 import is_listt5
from localrank_transformers.families.opening import open_causal, open_pairs, open_tokenizer
from localrank_transformers.families.pairs import PairFamily
from localrank_transformers.families.tokenization import PairTokenizer
from localrank_transformers.models.folder.exported import FamilyName
from localrank_transformers.models.folder.settings_files import SettingsFiles
from localrank_transformers.models.folder.shape import declared_activation
from localrank_transformers.models.folder.stated.refusing import refuse_answers

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Family
    from localrank_transformers.engines.torch.listwise.ordering import ListwiseModel

__all__ = ["load_causal_family", "open_model", "torch_device"]

GPU_BATCH_TOKENS = 32_768
GPU_CAUSAL_BATCH_TOKENS = 8_192
"""Causal rerankers are larger, and the sooner a batch ends, the sooner a call can be left."""


def torch_device(settings: TorchSettings, name: FamilyName) -> TorchRuntime:
    """Return the device that `settings` come to, with the padded tokens of a batch: as asked for, or what suits it."""
    placement = choose(settings.device, settings.dtype)
    suitable = GPU_CAUSAL_BATCH_TOKENS if name == "causal" else GPU_BATCH_TOKENS
    on_cpu = placement.device.type == "cpu"
    return TorchRuntime(placement, settings.batch_tokens or (CPU_BATCH_TOKENS if on_cpu else suitable))


def open_model(
    name: FamilyName, files: SettingsFiles, settings: TorchSettings, *, affordable: int | None
) -> PointwiseModel | ListwiseModel:
    """Load the model of `files` as one of the family `name`.

    Args:
        name: What was detected.
        files: What the files say.
        settings: The constructor's arguments.
        affordable: The catalogue's default window, for a model that it knows.

    Raises:
        ModelLoadError: The files do not make such a model.
        InvalidRequestError: A setting that does not fit it.
    """
    device = torch_device(settings, name)
    settings = _with_attention(name, files, settings, device)
    model = (
        _listwise(files, settings, device, affordable)
        if name == "listwise"
        else _pointwise(name, files, settings, device, affordable)
    )
    return replace(model, metadata={"torch": _chosen(name, files, device)})


def _chosen(name: FamilyName, files: SettingsFiles, device: TorchRuntime) -> dict[str, Any]:
    """Return what the settings came to, for the result's metadata."""
    placement = device.placement
    return {
        "device": str(placement.device),
        "device_name": placement.device_name,
        "dtype": placement.dtype_name,
        "attention": (device.attention or "own").removeprefix("localrank_"),
        "family": name,
        "declared_activation": declared_activation(
            files.config, files.json("config_sentence_transformers.json")
        ),
    }


def _with_attention(
    name: FamilyName, files: SettingsFiles, settings: TorchSettings, device: TorchRuntime
) -> TorchSettings:
    if name == "cross-encoder":
        decided = decide(settings, device.placement, files.architecture)
        if settings.dtype == "auto" and decided.attention == "packed":
            device.placement = in_bf16_where_faster(device.placement)
        return decided
    for setting, value in (("attention", "packed"), ("compile", True)):
        if getattr(settings, setting) == value:
            raise InvalidRequestError(
                f"{setting} is {value!r}, which is for cross-encoders; this model is of the family {name!r}.",
                hint=f"Leave {setting} out.",
            )
    return settings


def _pointwise(
    name: FamilyName,
    files: SettingsFiles,
    settings: TorchSettings,
    device: TorchRuntime,
    affordable: int | None,
) -> PointwiseModel:
    family: Family
    engine: Any
    match name:
        case "causal":
            family, engine = load_causal_family(files, settings, device, affordable)
        case "seq2seq":
            family, engine = _seq2seq(files, settings, device, affordable)
        case "late-interaction":
            refuse_settings(
                settings, "a late-interaction model", "template", "instruction", "layer", "listwise"
            )
            family, engine = load_late_interaction(files, settings, device, affordable=affordable)
        case _:
            refuse_settings(settings, "a cross-encoder", "template", "instruction", "layer", "listwise")
            if is_modular(files):
                _refuse_compiling(settings)
                engine = load_modular(files, device, settings)
            else:
                engine = load_classifier(files.folder, device, settings)
            family = open_pairs(
                files,
                engine.config,
                max_length=settings.max_length,
                affordable=affordable,
                finder=fastest_finder(),
            )
    return PointwiseModel("torch", family, engine, settings.activation or family.activation, device)


def _refuse_compiling(settings: TorchSettings) -> None:
    if settings.compile:
        raise InvalidRequestError(
            "compile is True, and this model is put together of modules, which are not compiled.",
            hint="Leave compile out.",
        )


def load_causal_family(
    files: SettingsFiles, settings: TorchSettings, device: TorchRuntime, affordable: int | None
) -> tuple[CausalFamily, CausalEngine]:
    """Load a causal yes/no model, with the prompt that it was trained with."""
    refuse_settings(settings, "one that scores each document", "listwise")
    template = TEMPLATES[causal_template(files, settings.template)]
    family = open_causal(
        files,
        template,
        max_length=settings.max_length,
        affordable=affordable,
        instruction=settings.instruction,
    )
    refuse_answers(files, family.prompt.positive, family.prompt.negative)
    family = replace(family, query=SharedPromptQuery)
    if files.architecture == LAYERWISE:
        return family, load_layerwise(files, device, settings)
    refuse_settings(settings, "read at its last layer", "layer")
    return family, load_causal(files, family.prompt, device, settings)


def _seq2seq(
    files: SettingsFiles, settings: TorchSettings, device: TorchRuntime, affordable: int | None
) -> tuple[Family, Any]:
    refuse_settings(settings, "a sequence-to-sequence model", "instruction", "layer", "listwise")
    template = seq2seq_template(files, settings.template)
    if template == ENCODER_ONLY:
        length = seq2seq_window(settings.max_length, affordable)
        read, said = open_tokenizer(files, fastest_finder())
        tokenizer = PairTokenizer(read, max_length=length, said=said)
        return PairFamily(tokenizer), load_t5_encoder(files, device, settings)
    return load_seq2seq(files, template, settings, device, affordable=affordable)


def _listwise(
    files: SettingsFiles, settings: TorchSettings, device: TorchRuntime, affordable: int | None
) -> ListwiseModel:
    refuse_settings(settings, "a listwise model", "instruction", "layer", "activation")
    if is_listt5(files, settings.template):
        refuse_listwise(settings.listwise, "generative models", "window", "stride", "passes", "answer")
        return load_listt5(files, settings, device, affordable=affordable)
    refuse_listwise(settings.listwise, "ListT5", "winners", "best")
    return load_generative(files, list_template(settings.template), settings, device, affordable=affordable)
