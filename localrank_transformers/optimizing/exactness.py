"""Whether a graph that was written gives the numbers of the one it stands for, and does compute one token in the last layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from localrank.contract.errors import ModelLoadError
from localrank_transformers.engines.onnx import OnnxEngine, all_outputs
from localrank_transformers.optimizing.encoder_graph import import_onnx
from localrank_transformers.tokenization import Row

__all__ = ["LARGEST_CHANGE", "check_outputs", "check_width", "last_layer_widths"]

LARGEST_CHANGE = 1e-5
"""What a number may differ by, as a part of it where it is beyond 1: a few roundings of float32."""

_NORMS_OF_A_LAYER = 2


def check_outputs(expected: Path | bytes, found: bytes, rows: Sequence[Row]) -> None:
    """Compare what two graphs give, each row alone, and all in one padded run where the second may run so.

    Raises:
        ModelLoadError: They differ by more than rounding.
    """
    reference, engine = OnnxEngine(expected, pad_id=0).request(), OnnxEngine(found, pad_id=0)
    other = engine.request()
    alone = [reference.run([row])[0] for row in rows]
    pairs = [(a, other.run([row])[0]) for a, row in zip(alone, rows, strict=True)]
    if engine.may_pad:  # behind the vectors of a row's tokens stand those of its padding
        pairs += [(a, b[: len(a)]) for a, b in zip(alone, other.run(rows), strict=True)]
    for a, b in pairs:
        if a.shape != b.shape:
            raise ModelLoadError(
                f"The new graph gives numbers of shape {b.shape} a row, the model's own of {a.shape}."
            )
        worst = float(np.max(np.abs(a - b) / np.maximum(1, np.abs(a))))
        if not worst <= LARGEST_CHANGE:  # also where it is no number
            raise ModelLoadError(
                f"The new graph's numbers differ from the model's own by {worst:.2g}; at most {LARGEST_CHANGE:g} is rounding.",
                hint="The model runs as it is.",
            )


def check_width(graph: bytes, rows: Sequence[Row]) -> None:
    """Check that the last layer is computed for one token, and the one before for all.

    Raises:
        ModelLoadError: It is not.
    """
    for row, widths in zip(rows, last_layer_widths(graph, rows), strict=True):
        if widths != (1, 1):
            raise ModelLoadError(
                f"The new graph computes {max(widths)} tokens of {len(row.ids)} in the last layer instead of one.",
                hint="The model runs as it is.",
            )


def last_layer_widths(graph: bytes, rows: Sequence[Row]) -> list[tuple[int, ...]]:
    """Return, for each row alone, how many tokens the two normalizations of the last layer read."""
    onnx = import_onnx()
    model = onnx.load_from_string(graph)
    norms = [node.output[0] for node in model.graph.node if node.op_type == "LayerNormalization"]
    watched = norms[-_NORMS_OF_A_LAYER:]
    for name in watched:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    outputs = all_outputs(model.SerializeToString(), watched, rows)
    return [tuple(_tokens(found[name]) for name in watched) for found in outputs]


def _tokens(hidden: Any) -> int:
    return int(hidden.shape[1]) if hidden.ndim == 3 else 1
