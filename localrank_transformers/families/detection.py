"""Which family a model belongs to, by its configuration files; what is uncertain is refused, with the setting that decides."""

from __future__ import annotations

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank_transformers.families.generative.templates import TEMPLATES
from localrank_transformers.models.folder.exported import FamilyName
from localrank_transformers.models.folder.late_layout import is_late_interaction
from localrank_transformers.models.folder.settings_files import SettingsFiles

__all__ = ["LAYERWISE", "causal_template", "detect", "is_modular", "says_its_prompt"]

LAYERWISE = "LayerWiseMiniCPMForCausalLM"

_CLASSIFIER = "ForSequenceClassification"
_COMPRESSING = "CostWise"
_RANK_T5_ENCODER = "RankT5"
_JUDGES = "Judge whether the Document meets the requirements"
_MODULAR_TYPES = ["Transformer", "Pooling"]


def detect(files: SettingsFiles, asked: FamilyName | None) -> FamilyName:
    """Return the family of the model in `files`; `asked` decides where it is given.

    Raises:
        ModelLoadError: No reranker that is known; or it could be of several families.
    """
    if files.architecture.startswith(_COMPRESSING):
        raise ModelLoadError(
            f"{files.architecture} compresses tokens between its layers, which TorchReranker does not.",
            hint="Take BAAI/bge-reranker-v2-gemma instead.",
        )
    if asked is not None:
        return asked
    if is_modular(files) or files.architecture.endswith(_CLASSIFIER):
        return "cross-encoder"
    if _own_template(files) is not None:
        return "causal"
    if is_late_interaction(files):
        return "late-interaction"
    if files.architecture == _RANK_T5_ENCODER:
        return "seq2seq"
    raise ModelLoadError(
        f"{files.architecture or 'The architecture'} does not tell which kind of reranker this is.",
        hint='Say it with family="cross-encoder", "causal", "seq2seq", "listwise" or "late-interaction".',
    )


def causal_template(files: SettingsFiles, asked: str | None) -> str:
    """Return the name of the prompt of the causal model in `files`; `asked` decides where it is given.

    Raises:
        InvalidRequestError: There is no such prompt.
        ModelLoadError: The files do not tell.
    """
    if asked is not None and asked not in TEMPLATES:
        raise InvalidRequestError(f"template is {asked!r}.", hint=f"Pass one of {', '.join(TEMPLATES)}.")
    template = asked or _own_template(files)
    if template is None:
        raise ModelLoadError(
            "The files of this causal model do not tell which prompt it was trained with.",
            hint=f"Say it with template=: one of {', '.join(TEMPLATES)}.",
        )
    return template


def says_its_prompt(files: SettingsFiles) -> bool:
    """Return whether the files of a causal model prove which prompt it was trained with."""
    return _own_template(files) is not None


def _own_template(files: SettingsFiles) -> str | None:
    """Return the prompt that the files themselves prove."""
    if files.architecture == LAYERWISE:
        return "bge-yes"
    if files.architecture.endswith("ForCausalLM") and _JUDGES in (files.chat_template or ""):
        return "qwen3"
    return None


def is_modular(files: SettingsFiles) -> bool:
    """Return whether a cross-encoder is stored as sentence-transformers' modules: encoder, pooling, and layers of a head."""
    types = [(module.text("type") or "").rpartition(".")[2] for module in files.modules]
    return types[:2] == _MODULAR_TYPES and types[-1] == "Dense"
