"""Whether ONNX Runtime cuts sums of an int8 graph on this processor, which moves scores and which it does not say."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from localrank.contract.types import RerankWarning
from localrank_transformers.engines.native.library import absence
from localrank_transformers.models.cpu_features import FULL_RANGE, cpu_features
from localrank_transformers.models.onnx_file.graph import Node, read_graph
from localrank_transformers.models.onnx_file.producer import is_ours
from localrank_transformers.models.onnx_file.wire import MalformedOnnxError

__all__ = ["cut_sums"]

_MULTIPLIES = frozenset(
    {
        "MatMulInteger",
        "MatMulIntegerToFloat",
        "DynamicQuantizeMatMul",
        "QLinearMatMul",
        "QGemm",
        "DequantizeLinear",
    }
)
_LARGEST = 64
"""Of a weight: 255 · 64 + 255 · 64 is within 16 bits (ONNX Runtime, "Quantize ONNX models", on `reduce_range`)."""


def cut_sums(onnx: Path | bytes, *, is_chosen: bool) -> RerankWarning | None:
    """Return the warning for a graph that ONNX Runtime runs; None where its sums are exact, or where nothing can be told.

    On x86 without VNNI two products of a uint8 and an int8 are added in 16 bits. What of it our own graphs suffer was measured
    (docs/decisions/0026): some hundredths of a score. Of others nobody knows.

    Args:
        onnx: A file, or the bytes of a graph of ours.
        is_chosen: Whether ONNX Runtime was asked for by an execution provider.
    """
    features = cpu_features()
    if features is None or "AVX2" not in features or not FULL_RANGE.isdisjoint(features):
        return None
    if is_ours(onnx):
        name = onnx.name if isinstance(onnx, Path) else "the graph"
        return _warning(
            name,
            "scores are off by some hundredths. The compiled kernels are exact here",
            _way(is_chosen=is_chosen),
        )
    if isinstance(onnx, bytes) or not _is_of_eight_bits(onnx):
        return None
    return _warning(
        onnx.name,
        "scores may be off",
        'Pass precision="fp32", or make graphs that are exact here: `localrank models optimize`, or '
        "`localrank models export --cpu avx2`.",
    )


def _warning(graph: str, effect: str, remedy: str) -> RerankWarning:
    return RerankWarning(
        "compatibility",
        f"The int8 weights of {graph} are for a processor with VNNI. This one has none: ONNX Runtime cuts sums of their "
        f"products, and {effect}. {remedy}",
        feature="precision",
    )


def _way(*, is_chosen: bool) -> str:
    """How a graph of ours comes to run on the kernels."""
    if is_chosen:
        return "Leave execution_providers out."
    missing = absence()
    if missing is None:
        return 'Pass precision="fp32".'
    return missing.remedy or f"They cannot run: {missing.reason}."


def _is_of_eight_bits(onnx: Path) -> bool:
    try:
        graph = read_graph(onnx, skips_others=True)
    except (MalformedOnnxError, OSError, LookupError, ValueError):
        return False
    found = (graph.tensors.get(name) for name in _weights(graph.nodes))
    return any(
        values is not None
        and values.dtype == np.int8
        and values.size > 0
        and max(int(values.max()), -int(values.min())) > _LARGEST
        for values in found
    )


def _weights(nodes: tuple[Node, ...]) -> set[str]:
    """Return the names that products read; of a table of embeddings no product is made."""
    read = {name for node in nodes if node.operator in _MULTIPLIES for name in node.inputs}
    return read - {node.inputs[0] for node in nodes if node.operator == "Gather" and node.inputs}
