"""Medians, percentiles and paired intervals, in plain Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

__all__ = ["Interval", "median_ratio", "paired_difference", "percentile"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its bootstrap interval."""

    mean: float
    low: float
    high: float


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0–1) of `values` lie, linear between neighbours."""
    if not values:
        raise ValueError("there are no values")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def median_ratio(numerators: Sequence[float | None], denominators: Sequence[float | None]) -> float | None:
    """Return the median of the ratios within each repetition, None where no repetition has both."""
    ratios = [
        above / below for above, below in zip(numerators, denominators, strict=False) if above and below
    ]
    return median(ratios) if ratios else None


def paired_difference(ours: Sequence[float], theirs: Sequence[float], *, samples: int = 10_000) -> Interval:
    """Return the mean of `ours − theirs` with its paired 95 % bootstrap percentile interval.

    Args:
        ours: One value a query.
        theirs: One value a query, of the same queries in the same order.
        samples: Bootstrap samples.
    """
    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    draw = random.Random(7)  # noqa: S311 - sampling, no secret
    means = [fmean(draw.choices(differences, k=len(differences))) for _ in range(samples)]
    return Interval(fmean(differences), percentile(means, 0.025), percentile(means, 0.975))
