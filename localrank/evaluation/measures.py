"""Measures of rankings, all by ir-measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.evaluation.collection import Judgements
from localrank.evaluation.run_reading import Run
from localrank.providers.extras import imported
from localrank.providers.trec import falling_scores

__all__ = ["DEFAULT_MEASURES", "Measured", "check_measures", "measured"]

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "AP", "P@1", "R@10")
"""What is measured when nothing else is asked for; the first is the one that reports sort and compare by."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Values of one system.

    Attributes:
        means: Measure → mean over the judged queries; a query without a ranking counts as ir-measures counts it.
        values: Measure → query id → value.
    """

    means: Mapping[str, float]
    values: Mapping[str, Mapping[str, float]]


def check_measures(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names as ir-measures writes them.

    Raises:
        InvalidRequestError: None, one twice, or one that ir-measures cannot compute here.
        MissingDependencyError: ir-measures is not installed.
    """
    if isinstance(names, str) or not names:
        raise InvalidRequestError(f"measures is {names!r}.", hint='Pass a list such as ["nDCG@10", "AP"].')
    written = [str(measure) for measure in _parsed(names)]
    for name in written:
        if written.count(name) > 1:
            raise InvalidRequestError(f"The measure {name!r} is asked for twice.", hint="Name it once.")
    return tuple(written)


def measured(names: Sequence[str], judgements: Judgements, rankings: Run) -> Measured:
    """Measure `rankings`, best first, against `judgements`; grades of 1 and more are relevant to measures without grades.

    The order of a ranking counts, not its scores: see `falling_scores`.
    """
    ir_measures = _ir_measures()
    measures = _parsed(names)
    qrels = [
        ir_measures.Qrel(query, document, grade)
        for query, grades in judgements.items()
        for document, grade in grades.items()
    ]
    run = [
        ir_measures.ScoredDoc(query, document, score)
        for query, ranking in rankings.items()
        for (document, _), score in zip(ranking, falling_scores([score for _, score in ranking]), strict=True)
    ]
    results = ir_measures.calc(measures, qrels, run)
    values: dict[str, dict[str, float]] = {str(measure): {} for measure in measures}
    for metric in results.per_query:
        values[str(metric.measure)][metric.query_id] = float(metric.value)
    return Measured({str(measure): float(results.aggregated[measure]) for measure in measures}, values)


def _parsed(names: Sequence[str]) -> list[Any]:
    ir_measures = _ir_measures()
    measures = []
    for name in names:
        try:
            measure = ir_measures.parse_measure(name)
        except (NameError, ValueError, SyntaxError, TypeError, AssertionError) as error:
            raise InvalidRequestError(
                f"{name!r} is no measure: {error}.",
                hint="Such as nDCG@10, RR@10, AP, P@1, R@50: see https://ir-measur.es.",
            ) from None
        if not ir_measures.DefaultPipeline.supports(measure):
            raise InvalidRequestError(
                f"{name!r} cannot be computed here.",
                hint="Install the package that ir-measures names for it.",
            )
        measures.append(measure)
    return measures


def _ir_measures() -> Any:
    return imported("ir_measures", "Evaluation", "eval")
