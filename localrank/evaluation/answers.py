"""Does anything here answer: how well a system's best score tells lists with a relevant document from lists without one.

Each query whose candidates hold a relevant document gives two lists: the candidates as they are, and the same ones without
every document that is judged relevant. A system accepts a list where its best score reaches a threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localrank.contract.errors import InvalidRequestError
from localrank.evaluation.results import Evaluation, SystemResult
from localrank.evaluation.significance import BOOTSTRAP_RESAMPLES, CONFIDENCE
from localrank.providers.annotations import check_types

if TYPE_CHECKING:
    import numpy

__all__ = [
    "FALSE_ACCEPT",
    "TRUE_ACCEPT",
    "AnswerFigures",
    "BestScores",
    "Share",
    "answer_figures",
    "best_scores",
]

TRUE_ACCEPT = 0.9
"""The share of answerable lists at which systems are compared, as published figures have it."""

FALSE_ACCEPT = 0.1
"""The share of unanswerable lists that a threshold is fitted to let through, where nobody asks for another."""

_FEWEST = 20
"""Fewer queries than this give intervals that say nothing."""


@dataclass(frozen=True, slots=True)
class BestScores:
    """The best score of each query's two lists, in the same order.

    Attributes:
        answerable: With a relevant document among the candidates.
        unanswerable: Without.
    """

    answerable: tuple[float, ...]
    unanswerable: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A figure with its 95 % percentile bootstrap interval over the queries."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """How well one system tells answerable lists from unanswerable ones.

    Attributes:
        system: The system's name.
        queries: How many queries gave two lists.
        auroc: How often an answerable list has the better best score, of all pairs of one list of each kind; ties count half.
            .5 is chance.
        false_accept_at: The share of unanswerable lists accepted where `TRUE_ACCEPT` of the answerable ones are; the threshold
            is chosen anew in every resample.
        threshold: The lowest score that lets at most `allowed` of the unanswerable lists through; as `min_score` of a call it
            leaves the others empty. None where even the best score of all lets more through.
        allowed: The share that `threshold` was fitted for.
        false_accept: What it lets through of the unanswerable lists, at this threshold.
        true_accept: What it lets through of the answerable ones.
    """

    system: str
    queries: int
    auroc: Share
    false_accept_at: Share
    threshold: float | None
    allowed: float
    false_accept: Share
    true_accept: Share


def best_scores(evaluation: Evaluation, system: SystemResult) -> BestScores:
    """Return the best scores of `system` with and without the documents judged relevant.

    Nothing is asked again: a score that does not depend on the other documents is the same in the shorter list.

    Raises:
        InvalidRequestError: The scores are ordinal or depend on the list.
    """
    check_types(locals(), best_scores, Evaluation=Evaluation, SystemResult=SystemResult)
    if system.score_kind == "ordinal" or not system.scores_comparable:
        raise InvalidRequestError(
            f"The scores of {system.name} depend on the other documents of a list, so no threshold can be set on them.",
            hint="Take a pointwise model, or leave this one out.",
        )
    answerable: list[float] = []
    unanswerable: list[float] = []
    for query, grades in evaluation.judgements.items():
        ranking = system.rankings.get(query)
        if ranking is None:
            continue
        others = [score for document, score in ranking.documents if grades.get(document, 0) < 1]
        if others and len(others) < len(ranking.documents):
            answerable.append(max(score for _, score in ranking.documents))
            unanswerable.append(max(others))
    return BestScores(tuple(answerable), tuple(unanswerable))


def answer_figures(
    system: str,
    scores: BestScores,
    *,
    allowed: float = FALSE_ACCEPT,
    threshold: float | None = None,
    seed: int = 0,
) -> AnswerFigures:
    """Measure, and fit a threshold.

    Args:
        system: The system's name.
        scores: From `best_scores`; those of several collections may be put together.
        allowed: The share of unanswerable lists that the threshold may let through, between 0 and 1.
        threshold: One that was fitted on other queries, to be measured on these instead of fitting one.
        seed: Of the bootstrap.

    Raises:
        InvalidRequestError: `allowed` is out of range, or fewer than 20 queries gave two lists.
    """
    check_types(locals(), answer_figures, BestScores=BestScores)
    import numpy  # noqa: PLC0415 - evaluation may be imported without it

    if not 0 < allowed < 1:
        raise InvalidRequestError(
            f"allowed is {allowed!r}.", hint="Pass a share above 0 and below 1, such as 0.1."
        )
    count = len(scores.answerable)
    if count < _FEWEST:
        raise InvalidRequestError(
            f"{count} queries have both a relevant candidate and another one; {_FEWEST} are the fewest.",
            hint="Take more queries, or more candidates of each.",
        )
    with_one, without = numpy.array(scores.answerable), numpy.array(scores.unanswerable)
    least = _fitted(with_one, without, allowed) if threshold is None else threshold
    bar = numpy.inf if least is None else least
    draws = _draws(count, seed)

    def share(figure: Callable[[numpy.ndarray, numpy.ndarray], float]) -> Share:
        resampled = [figure(with_one[draw], without[draw]) for draw in draws]
        tail = (1 - CONFIDENCE) / 2
        low, high = numpy.quantile(resampled, [tail, 1 - tail])
        return Share(figure(with_one, without), float(low), float(high))

    return AnswerFigures(
        system,
        count,
        auroc=share(_auroc),
        false_accept_at=share(_false_accept_at),
        threshold=least,
        allowed=allowed,
        false_accept=share(lambda _, unanswerable: float((unanswerable >= bar).mean())),
        true_accept=share(lambda answerable, _: float((answerable >= bar).mean())),
    )


def _draws(count: int, seed: int) -> numpy.ndarray:
    """Return the queries of each resample; both lists of a query go together."""
    import numpy  # noqa: PLC0415

    return numpy.random.default_rng(seed).integers(0, count, size=(BOOTSTRAP_RESAMPLES, count))


def _auroc(answerable: numpy.ndarray, unanswerable: numpy.ndarray) -> float:
    """Return the share of pairs in the right order, by ranks (Mann and Whitney, 1947)."""
    import numpy  # noqa: PLC0415

    ordered = numpy.sort(unanswerable)
    below = numpy.searchsorted(ordered, answerable, side="left")
    not_above = numpy.searchsorted(ordered, answerable, side="right")
    return float((below + not_above).mean() / (2 * len(ordered)))


def _false_accept_at(answerable: numpy.ndarray, unanswerable: numpy.ndarray) -> float:
    """Return the false accepts at the highest threshold that lets `TRUE_ACCEPT` of the answerable lists through."""
    import numpy  # noqa: PLC0415

    wanted = math.ceil(TRUE_ACCEPT * len(answerable) - 1e-9)
    bar = numpy.sort(answerable)[len(answerable) - wanted]
    return float((unanswerable >= bar).mean())


def _fitted(answerable: numpy.ndarray, unanswerable: numpy.ndarray, allowed: float) -> float | None:
    """Return the lowest observed score that at most `allowed` of the unanswerable lists reach."""
    import numpy  # noqa: PLC0415

    observed = numpy.unique(numpy.concatenate([answerable, unanswerable]))
    passing = len(unanswerable) - numpy.searchsorted(numpy.sort(unanswerable), observed)
    fits = observed[passing <= allowed * len(unanswerable) + 1e-9]
    return float(fits[0]) if len(fits) else None
