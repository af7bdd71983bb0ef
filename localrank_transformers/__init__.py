"""Local models: any Hugging Face-layout folder, and the embedded model, on ONNX Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localrank_transformers.onnx_reranker import OnnxReranker

__all__ = ["OnnxReranker"]


def __getattr__(name: str) -> Any:
    if name != "OnnxReranker":
        raise AttributeError(f"module 'localrank_transformers' has no attribute {name!r}")
    from localrank_transformers.onnx_reranker import OnnxReranker  # noqa: PLC0415  # numpy comes with it

    return OnnxReranker
