"""What a graph or a module computes into one logit a document."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import InferenceError, ModelLoadError

__all__ = ["document_logits"]


def document_logits(output: npt.NDArray[Any], positive: int = 1) -> list[float]:
    """Return one number a document: its single logit, or the positive label's logit less the negative one's.

    Args:
        output: Shape (documents,), (documents, 1) or (documents, 2).
        positive: Which of two labels is the positive one.

    Raises:
        ModelLoadError: Another shape: the model is no reranker of this kind.
        InferenceError: A number that is not finite.
    """
    table = output.astype(np.float64)
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2 or table.shape[1] not in {1, 2}:
        raise ModelLoadError(
            f"The model returned logits of shape {output.shape} instead of one or two labels a document.",
            hint="OnnxReranker runs sequence-classification rerankers with one or two labels.",
        )
    column = table[:, 0] if table.shape[1] == 1 else table[:, positive] - table[:, 1 - positive]
    if not np.isfinite(column).all():
        raise InferenceError(
            "The model computed a score that is not finite.",
            hint="Use float32 weights: half precision can overflow.",
        )
    values: list[float] = column.tolist()
    return values
