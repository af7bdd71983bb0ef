"""Two saved evaluations against each other, over the queries that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from localrank.contract.errors import InvalidRequestError
from localrank.evaluation.movements import Movements, movements
from localrank.evaluation.report import Table, probability
from localrank.evaluation.results import Evaluation, SystemResult
from localrank.evaluation.significance import Comparison, comparisons_of
from localrank.providers.annotations import check_types

__all__ = ["SavedComparison", "compare_evaluations"]


@dataclass(frozen=True, slots=True)
class SavedComparison:
    """What differs between two evaluations.

    Attributes:
        queries: How many queries both have.
        comparisons: For each measure that both have, each pair of systems.
        means: (Measure, system) → mean over these queries.
        moved: For each pair, the queries that gained and lost most on the first measure.
        remarks: What a reader must know.
    """

    queries: int
    comparisons: tuple[Comparison, ...]
    means: dict[tuple[str, str], float]
    moved: tuple[Movements, ...]
    remarks: tuple[str, ...]

    def table(self) -> Table:
        """Return all comparisons as one table."""
        rows = tuple(
            (
                f"{comparison.second} − {comparison.first}",
                comparison.measure,
                f"{self.means[comparison.measure, comparison.first]:.4f}",
                f"{self.means[comparison.measure, comparison.second]:.4f}",
                f"{comparison.difference:+.4f}",
                f"{comparison.low:+.4f} to {comparison.high:+.4f}",
                f"{comparison.wins} / {comparison.losses}",
                probability(comparison.p_corrected),
            )
            for comparison in self.comparisons
        )
        columns = (
            "second − first",
            "measure",
            "first",
            "second",
            "difference",
            "95 % interval",
            "better / worse",
            "p (Holm)",
        )
        note = f"Over {self.queries} queries; paired randomisation test, corrected by Holm on each measure."
        expendable = ("better / worse", "first", "second", "95 % interval")
        return Table("Comparison", note, columns, rows, expendable=expendable)


def compare_evaluations(
    first: Evaluation, second: Evaluation, *, names: tuple[str, str] = ("first", "second")
) -> SavedComparison:
    """Compare what two evaluations found.

    Models that have one name in both are compared with themselves; where there is none, every model of the first with every
    one of the second.

    Args:
        first: Before.
        second: After.
        names: What tells two systems of one name apart.

    Raises:
        InvalidRequestError: They have no query or no measure in common, or judge or word the same query differently.
    """
    check_types(locals(), compare_evaluations, Evaluation=Evaluation)
    queries = _common_queries(first, second)
    measures = [measure for measure in first.measures if measure in second.measures]
    if not measures:
        raise InvalidRequestError(
            f"The evaluations have no measure in common: {', '.join(first.measures)}, and {', '.join(second.measures)}.",
            hint="Evaluate both again with the same measures.",
        )
    pairs = [
        (_narrowed(before, queries, names[0]), _narrowed(after, queries, names[1]))
        for before, after in _pairs(first, second)
    ]
    comparisons = [comparison for measure in measures for comparison in comparisons_of(pairs, measure)]
    means = {
        (measure, system.name): fmean(system.values[measure].values())
        for measure in measures
        for pair in pairs
        for system in pair
    }
    return SavedComparison(
        queries=len(queries),
        comparisons=tuple(comparisons),
        means=means,
        moved=tuple(movements(first, before, after, measure=measures[0]) for before, after in pairs),
        remarks=tuple(_remarks(first, second, queries)),
    )


def _common_queries(first: Evaluation, second: Evaluation) -> list[str]:
    common = [query for query in first.queries if query in second.queries]
    if not common:
        raise InvalidRequestError(
            f"{first.collection!r} and {second.collection!r} have no query in common.",
            hint="Compare two evaluations of one collection.",
        )
    for query in common:
        if first.queries[query] != second.queries[query]:
            raise InvalidRequestError(
                f"Query {query!r} has two texts: these are two collections.",
                hint="Compare evaluations of one.",
            )
        if dict(first.judgements[query]) != dict(second.judgements[query]):
            raise InvalidRequestError(
                f"Query {query!r} is judged differently in the two evaluations.",
                hint="Evaluate both again with the same judgements.",
            )
    return common


def _pairs(first: Evaluation, second: Evaluation) -> list[tuple[SystemResult, SystemResult]]:
    theirs = {model.name: model for model in second.models}
    same = [(model, theirs[model.name]) for model in first.models if model.name in theirs]
    return same or [(before, after) for before in first.models for after in second.models]


def _narrowed(system: SystemResult, queries: Sequence[str], label: str) -> SystemResult:
    values = {measure: {query: own[query] for query in queries} for measure, own in system.values.items()}
    return replace(system, name=f"{system.name} ({label})", values=values)


def _remarks(first: Evaluation, second: Evaluation, queries: Sequence[str]) -> list[str]:
    remarks = []
    if not len(first.queries) == len(second.queries) == len(queries):
        remarks.append(
            f"Only the {len(queries)} queries that both have are compared, of {len(first.queries)} and {len(second.queries)}."
        )
    ids = [
        [document for document, _ in evaluation.first_stage.rankings[query].documents]
        for evaluation in (first, second)
        for query in queries
    ]
    if ids[: len(queries)] != ids[len(queries) :]:
        remarks.append("The two evaluations reranked different candidates, so the first stages differ too.")
    return remarks
