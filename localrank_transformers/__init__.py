"""Local models: any Hugging Face-layout folder, and the embedded model, on ONNX Runtime or torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localrank_transformers.listwise_settings import Listwise
    from localrank_transformers.onnx_reranker import OnnxReranker
    from localrank_transformers.torch_reranker import TorchReranker

__all__ = ["Listwise", "OnnxReranker", "TorchReranker"]

_HOMES = {
    "Listwise": "listwise_settings",
    "OnnxReranker": "onnx_reranker",
    "TorchReranker": "torch_reranker",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'localrank_transformers' has no attribute {name!r}")
    # Imported at the first use, so that importing the package costs next to nothing.
    return getattr(import_module(f"localrank_transformers.{_HOMES[name]}"), name)
