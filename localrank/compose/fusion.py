"""Several rankings of the same documents into one: reciprocal rank fusion and the weighted sum. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

__all__ = ["RRF_K", "Normalization", "normalized", "reciprocal_ranks", "weighted_sum"]

Normalization = Literal["min-max", "z"]

RRF_K = 60
"""The constant of Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
Methods", SIGIR 2009."""


def reciprocal_ranks(
    rankings: Sequence[Sequence[int]], weights: Sequence[float], *, k: float = RRF_K
) -> dict[int, float]:
    """Return Σ weight / (k + rank) for each index, ranks counted from 1; a ranking without an index adds nothing.

    Args:
        rankings: Indexes, best first, one sequence a ranking.
        weights: One a ranking.
        k: How little the first places stand out.
    """
    fused: dict[int, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, index in enumerate(ranking, start=1):
            fused[index] = fused.get(index, 0.0) + weight / (k + rank)
    return fused


def weighted_sum(scores: Sequence[Mapping[int, float]], weights: Sequence[float]) -> dict[int, float]:
    """Return the weighted mean of each index's scores, over the lists that have one.

    Args:
        scores: Score by index, one mapping a list.
        weights: One a list; their size beside each other counts, not their sum.
    """
    sums: dict[int, float] = {}
    shares: dict[int, float] = {}
    for known, weight in zip(scores, weights, strict=True):
        for index, score in known.items():
            sums[index] = sums.get(index, 0.0) + weight * score
            shares[index] = shares.get(index, 0.0) + weight
    return {index: value / shares[index] for index, value in sums.items()}


def normalized(scores: Mapping[int, float], method: Normalization | None) -> Mapping[int, float]:
    """Return one list's scores on a common scale.

    Args:
        scores: Score by index.
        method: `min-max` maps the list's lowest to 0 and its highest to 1; `z` to mean 0 and standard deviation 1; None leaves
            the scores as they are. A list of equal scores becomes all 0.
    """
    if method is None or not scores:
        return scores
    values = scores.values()
    if method == "min-max":
        low, width = min(values), max(values) - min(values)
    else:
        low = math.fsum(values) / len(values)
        width = math.sqrt(math.fsum((value - low) ** 2 for value in values) / len(values))
    if width <= 0 or not math.isfinite(width):
        return dict.fromkeys(scores, 0.0)
    return {index: (value - low) / width for index, value in scores.items()}
