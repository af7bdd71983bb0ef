"""MaxSim in float32, over vectors as an engine gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from localrank_transformers.families.late.known.packed import lengths_of

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Ids

__all__ = ["mean_of_best_cosines"]

_ALONE = 1 << 18
"""Multiplications up to which OpenBLAS computes a product in the thread that asks for it. A larger one it hands to threads of
its own, one product at a time, which spin: workers that each compare a document would wait for one another, far longer."""


def mean_of_best_cosines(
    query: npt.NDArray[np.float32],
    document: npt.NDArray[np.float32],
    counted: Ids | None = None,
    weights: npt.NDArray[np.float32] | None = None,
) -> float:
    """Return the mean over the query's tokens of the best cosine in a document (MaxSim of ColBERT, as a mean).

    Args:
        query: Unit vectors, shape (tokens, dimensions).
        document: Vectors of a document, of any length but zero; same shape.
        counted: 1 for each of its tokens that is compared, None for all; -1 is the best cosine where there is none.
        weights: What each of the query's tokens counts, together 1; None for all the same.
    """
    if counted is not None:
        document = document[counted.astype(bool)]
    cosines = np.empty((len(query), len(document)), dtype=np.float32)
    step = max(1, _ALONE // max(1, query.size))
    for start in range(0, len(document), step):
        part = slice(start, start + step)
        np.matmul(query, document[part].T, out=cosines[:, part])
    cosines /= lengths_of(document)
    best = cosines.max(axis=1, initial=-1.0)
    return float(best.mean() if weights is None else (best * weights).sum())
