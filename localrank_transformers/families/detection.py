"""Which family a model belongs to, by its configuration files; what is uncertain is refused, with the setting that decides."""

from __future__ import annotations

from typing import Literal, TypeAlias

from localrank.contract.errors import ModelLoadError
from localrank_transformers.catalogue import Family
from localrank_transformers.torch_files import TorchFiles

__all__ = ["Kind", "detect"]

Kind: TypeAlias = Literal["cross-encoder", "modular", "causal", "seq2seq", "listwise", "late-interaction"]
"""A family, and `modular` for a cross-encoder that is stored as sentence-transformers modules."""

_CLASSIFIER = "ForSequenceClassification"
_MODULAR_TYPES = ["Transformer", "Pooling"]


def detect(files: TorchFiles, asked: Family | None) -> Kind:
    """Return the family of the model in `files`; `asked` decides where it is given.

    Raises:
        ModelLoadError: No reranker that is known; or it could be of several families.
    """
    if asked is not None:
        return "modular" if asked == "cross-encoder" and _is_modular(files) else asked
    if _is_modular(files):
        return "modular"
    if files.architecture.endswith(_CLASSIFIER):
        return "cross-encoder"
    raise ModelLoadError(
        f"{files.architecture or 'The architecture'} does not tell which kind of reranker this is.",
        hint='Say it with family="cross-encoder", "causal", "seq2seq", "listwise" or "late-interaction".',
    )


def module_types(files: TorchFiles) -> list[str]:
    """Return the class names of a sentence-transformers model's modules, in order."""
    return [str(one.get("type", "")).rpartition(".")[2] for one in files.modules]


def _is_modular(files: TorchFiles) -> bool:
    types = module_types(files)
    return types[:2] == _MODULAR_TYPES and types[-1] == "Dense"
