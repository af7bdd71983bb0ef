"""Several rankings of the same documents into one: reciprocal rank fusion and the weighted sum. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

__all__ = ["RRF_K", "Normalization", "normalized", "reciprocal_ranks", "weighted_sum"]

Normalization = Literal["min-max", "z"]

Scores = Sequence[float | None]
"""One entry a document; None where there is no score."""

RRF_K = 60
"""The constant of Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
Methods", SIGIR 2009."""


def reciprocal_ranks(
    rankings: Sequence[Sequence[int]], weights: Sequence[float], count: int, *, k: float = RRF_K
) -> list[float | None]:
    """Return Σ weight / (k + rank) for each index, ranks counted from 1; None for an index in no ranking.

    Args:
        rankings: Indexes, best first, one sequence a ranking; an index that is absent from one adds nothing there.
        weights: One a ranking.
        count: How many indexes there are.
        k: How little the first places stand out.
    """
    fused = [0.0] * count
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, index in enumerate(ranking, start=1):
            fused[index] += weight / (k + rank)
    return [score or None for score in fused]


def weighted_sum(scores: Sequence[Scores], weights: Sequence[float]) -> list[float | None]:
    """Return the weighted mean of each index's scores, over the lists that have one; None where none has.

    Args:
        scores: One list a model, each with one entry an index.
        weights: One a list; their size beside each other counts, not their sum.
    """
    if not any(None in column for column in scores):
        shares = [weight / math.fsum(weights) for weight in weights]
        scaled = [_scaled(column, share) for column, share in zip(scores, shares, strict=True)]
        return [sum(own) for own in zip(*scaled, strict=True)]
    return [_weighted_mean(own, weights) for own in zip(*scores, strict=True)]


def _scaled(column: Scores, share: float) -> list[float]:
    return [share * score for score in column if score is not None]


def _weighted_mean(own: Sequence[float | None], weights: Sequence[float]) -> float | None:
    pairs = [(score, weight) for score, weight in zip(own, weights, strict=True) if score is not None]
    if not pairs:
        return None
    return sum(score * weight for score, weight in pairs) / sum(weight for _, weight in pairs)


def normalized(scores: Scores, method: Normalization | None) -> Scores:
    """Return one list's scores on a common scale.

    Args:
        scores: One entry an index; None where there is no score, which stays None.
        method: `min-max` maps the list's lowest to 0 and its highest to 1; `z` to mean 0 and standard deviation 1; None leaves
            the scores as they are. A list of equal scores becomes all 0.
    """
    values = [score for score in scores if score is not None]
    if method is None or not values:
        return scores
    if method == "min-max":
        low, width = min(values), max(values) - min(values)
    else:
        low = math.fsum(values) / len(values)
        width = math.sqrt(math.fsum((value - low) ** 2 for value in values) / len(values))
    if width <= 0 or not math.isfinite(width):
        return [None if score is None else 0.0 for score in scores]
    return [None if score is None else (score - low) / width for score in scores]
