"""Whether the weights of a graph are numbers: where they are not, rounding or a tanh may hide it from the scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from localrank_transformers.models.onnx_file.graph import read_graph
from localrank_transformers.models.onnx_file.wire import MalformedOnnxError

__all__ = ["not_finite"]


def not_finite(onnx: Path, *, int8: bool) -> str | None:
    """Return the name of a tensor that holds NaN or infinity; None where none was found.

    What a matrix in float32 holds reaches the scores by itself and is looked for there. So of a float32 graph only vectors are
    read, and of an int8 graph, whose matrices are integers, all.

    Args:
        onnx: A graph that we wrote.
        int8: Whether its products run in int8.
    """
    try:
        tensors = read_graph(onnx).tensors
    except (MalformedOnnxError, OSError, LookupError, ValueError):
        return None
    for name, values in tensors.items():
        if values.dtype == np.float32 and (int8 or values.ndim < 2) and not np.isfinite(values).all():
            return name
    return None
