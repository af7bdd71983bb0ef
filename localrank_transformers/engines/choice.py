"""Which engine runs a graph: the compiled kernels where they can, otherwise ONNX Runtime, which runs any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from localrank_transformers.call.contract import Engine
from localrank_transformers.engines.native.engine import open_native

__all__ = ["open_engine"]


def open_engine(
    onnx: Path | bytes,
    *,
    pad_id: int,
    int8: bool,
    execution_providers: Sequence[str] | None = None,
    is_kept: bool = False,
) -> Engine:
    """Load a graph.

    Args:
        onnx: A path, or the bytes of a graph.
        pad_id: What fills the rows of a padded group.
        int8: Whether products run in int8.
        execution_providers: Of ONNX Runtime, in order of preference. To name one is to ask for ONNX Runtime.
        is_kept: Whether the file is replaced and never written over, so that its weights may stay mapped; else they are read.

    Raises:
        InvalidRequestError: An execution provider that this ONNX Runtime does not have.
        ModelLoadError: The file is no graph, or declares an input that no pair of texts has.
    """
    if execution_providers is None and isinstance(onnx, Path):
        native = open_native(onnx, is_kept=is_kept)
        if native is not None:
            return native
    from localrank_transformers.engines.onnx.session import OnnxEngine  # noqa: PLC0415  # takes longer to import than the kernels

    return OnnxEngine(
        onnx, pad_id=pad_id, int8=int8, execution_providers=execution_providers, is_kept=is_kept
    )
