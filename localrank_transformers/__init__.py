"""Local models: any Hugging Face-layout folder, and the embedded model, on ONNX Runtime or torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localrank_transformers.engines.torch.settings import Listwise
    from localrank_transformers.families.late.known.keeping import DocumentStore
    from localrank_transformers.rerankers.onnx import OnnxReranker
    from localrank_transformers.rerankers.torch import TorchReranker

__all__ = ["DocumentStore", "Listwise", "OnnxReranker", "TorchReranker"]

_HOMES = {
    "DocumentStore": "families.late.known.keeping",
    "Listwise": "engines.torch.settings",
    "OnnxReranker": "rerankers.onnx",
    "TorchReranker": "rerankers.torch",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'localrank_transformers' has no attribute {name!r}")
    # Imported at the first use, so that importing the package costs next to nothing.
    return getattr(import_module(f"localrank_transformers.{_HOMES[name]}"), name)
