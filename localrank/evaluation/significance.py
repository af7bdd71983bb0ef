"""Are two systems different: paired randomisation tests with Holm's correction, and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from localrank.evaluation.results import SystemResult
from localrank.providers.annotations import check_types

if TYPE_CHECKING:
    import numpy

__all__ = ["Comparison", "compared", "comparisons_of", "holm", "intervals"]

RESAMPLES = 10_000
BOOTSTRAP_RESAMPLES = 2_000
CONFIDENCE = 0.95
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems on one measure, over the queries that both have.

    Attributes:
        measure: The measure.
        first: The first system's name.
        second: The second system's.
        difference: The mean of the second less that of the first.
        low: Lower end of the 95 % bootstrap interval of the difference.
        high: Its upper end.
        p: Two-sided, by a paired randomisation test of 10,000 sign changes (Smucker, Allan and Carterette, CIKM 2007).
        p_corrected: `p` by Holm's method, over all comparisons that were made on this measure.
        wins: Queries on which the second is better.
        losses: Queries on which it is worse.
    """

    measure: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    p_corrected: float
    wins: int
    losses: int


def compared(systems: Sequence[SystemResult], measure: str, *, seed: int = 0) -> list[Comparison]:
    """Compare every two systems on `measure`, over the queries that all have."""
    check_types(locals(), compared)
    return comparisons_of(list(combinations(systems, 2)), measure, seed=seed)


def comparisons_of(
    pairs: Sequence[tuple[SystemResult, SystemResult]], measure: str, *, seed: int = 0
) -> list[Comparison]:
    """Compare the two systems of each pair on `measure`, over the queries that all have."""
    import numpy  # noqa: PLC0415 - evaluation may be imported without it

    if not pairs:
        return []
    queries = sorted(set.intersection(*(set(system.values[measure]) for pair in pairs for system in pair)))
    differences = numpy.array(
        [
            [second.values[measure][query] - first.values[measure][query] for first, second in pairs]
            for query in queries
        ]
    ).reshape(len(queries), len(pairs))
    p = _randomisation(differences, seed)
    low, high = _bootstrap(differences, seed)
    corrected = holm(p)
    return [
        Comparison(
            measure,
            first.name,
            second.name,
            float(differences[:, at].mean()),
            low[at],
            high[at],
            p[at],
            corrected[at],
            int((differences[:, at] > 0).sum()),
            int((differences[:, at] < 0).sum()),
        )
        for at, (first, second) in enumerate(pairs)
    ]


def intervals(systems: Sequence[SystemResult], measure: str) -> dict[str, tuple[float, float]]:
    """Return the 95 % percentile bootstrap interval of each system's mean, over its queries."""
    import numpy  # noqa: PLC0415

    queries = sorted(set.intersection(*(set(system.values[measure]) for system in systems)))
    values = numpy.array([[system.values[measure][query] for system in systems] for query in queries])
    low, high = _bootstrap(values, seed=0)
    return {system.name: (low[at], high[at]) for at, system in enumerate(systems)}


def holm(p: Sequence[float]) -> list[float]:
    """Return each p corrected for their number, as Holm (1979) steps down."""
    order = sorted(range(len(p)), key=p.__getitem__)
    corrected, least = [0.0] * len(p), 0.0
    for step, at in enumerate(order):
        least = max(least, min(1.0, p[at] * (len(p) - step)))
        corrected[at] = least
    return corrected


def _randomisation(differences: numpy.ndarray, seed: int) -> list[float]:
    """Return a p for each column: how often sums with random signs are as large as the observed."""
    import numpy  # noqa: PLC0415

    random = numpy.random.default_rng(seed)
    observed = numpy.abs(differences.sum(axis=0)) - 1e-9
    extreme = numpy.zeros(differences.shape[1])
    for _ in range(RESAMPLES // _AT_ONCE):
        signs = random.integers(0, 2, size=(_AT_ONCE, len(differences))) * 2.0 - 1.0
        extreme += (numpy.abs(signs @ differences) >= observed).sum(axis=0)
    return [float(share) for share in (extreme + 1) / (RESAMPLES + 1)]


def _bootstrap(values: numpy.ndarray, seed: int) -> tuple[list[float], list[float]]:
    """Return the lower and upper ends for the mean of each column."""
    import numpy  # noqa: PLC0415

    count = len(values)
    if not count:
        nothing = [float("nan")] * values.shape[1]
        return nothing, nothing
    random = numpy.random.default_rng(seed)
    share = numpy.full(count, 1 / count)
    means = numpy.concatenate(
        [
            random.multinomial(count, share, size=_AT_ONCE) @ values / count
            for _ in range(BOOTSTRAP_RESAMPLES // _AT_ONCE)
        ]
    )
    tail = (1 - CONFIDENCE) / 2
    low, high = numpy.quantile(means, [tail, 1 - tail], axis=0)
    return [float(end) for end in low], [float(end) for end in high]
