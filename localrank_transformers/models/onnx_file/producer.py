"""Whether localrank wrote a graph: then it is as fast as it gets, and its weights lie where they can be mapped."""

from __future__ import annotations

from pathlib import Path

__all__ = ["PRODUCER", "is_ours", "remove_graph"]

PRODUCER = "localrank"

_WITHIN = 64
"""Bytes at the beginning of a file, where the version and the producer of a model stand."""


def is_ours(onnx: Path | bytes) -> bool:
    """Return whether localrank wrote a graph; False for a file that cannot be read.

    Args:
        onnx: A file, or its bytes.
    """
    try:
        return PRODUCER.encode() in (onnx if isinstance(onnx, bytes) else _beginning(onnx))[:_WITHIN]
    except OSError:
        return False


def _beginning(onnx: Path) -> bytes:
    with onnx.open("rb") as stream:
        return stream.read(_WITHIN)


def remove_graph(graph: Path) -> None:
    """Remove a graph, where there is one. Who has it loaded has its file mapped: writing over it would change their model."""
    for path in (graph, graph.with_name(f"{graph.name}.data")):
        path.unlink(missing_ok=True)
