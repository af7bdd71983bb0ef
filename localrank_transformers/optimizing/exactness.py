"""Whether a graph that was written gives the numbers of the one it stands for, and does compute one token in the last layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import ModelLoadError
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.onnx.session import OnnxEngine, all_outputs
from localrank_transformers.optimizing.encoder.writer import import_onnx
from localrank_transformers.optimizing.record import Agreement

__all__ = ["check_outputs", "check_width", "compare", "last_layer_widths"]

LARGEST_CHANGE = 1e-5
"""What a number may differ by, as a part of it where it is beyond 1: a few roundings of float32."""

_NORMS_OF_A_LAYER = 2


def check_outputs(expected: Path | bytes, found: bytes, rows: Sequence[Row], *, has_head: bool) -> None:
    """Compare what two graphs give: the new one for each row alone and for several rows in a run.

    Raises:
        ModelLoadError: They differ by more than rounding.
    """
    reference, other = (OnnxEngine(graph, pad_id=0).request() for graph in (expected, found))
    read = [request.run if has_head else request.vectors for request in (reference, other)]
    wanted = [read[0]([row])[0] for row in rows]
    alone, together = [read[1]([row])[0] for row in rows], read[1](rows)
    for a, b in [*zip(wanted, alone, strict=True), *zip(wanted, together, strict=True)]:
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
    return [tuple(_tokens(values[name]) for name in watched) for values in outputs]


def _tokens(hidden: Any) -> int:
    return int(hidden.shape[-2])


Scores = Sequence[float]


def compare(reference: Sequence[Scores], other: Sequence[Scores]) -> Agreement:
    """Compare logits list by list; both hold the same documents in the same order."""
    pairs = [(np.asarray(a, float), np.asarray(b, float)) for a, b in zip(reference, other, strict=True)]
    changes = np.concatenate([np.abs(a - b) for a, b in pairs])
    return Agreement(
        lists=len(pairs),
        pairs=len(changes),
        spearman=float(np.mean([_spearman(a, b) for a, b in pairs])),
        same_first=float(np.mean([a.argmax() == b.argmax() for a, b in pairs])),
        top_5_overlap=float(np.mean([_overlap(a, b, 5) for a, b in pairs])),
        top_10_overlap=float(np.mean([_overlap(a, b, 10) for a, b in pairs])),
        mean_change=float(np.mean(changes)),
        max_change=float(np.max(changes)),
    )


def _spearman(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    if len(a) < 2:
        return 1.0
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.argsort(np.argsort(-values, kind="stable"), kind="stable")


def _overlap(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], longest: int) -> float:
    count = min(longest, len(a))
    best_a, best_b = (set(np.argsort(-values, kind="stable")[:count].tolist()) for values in (a, b))
    return len(best_a & best_b) / count
