"""A report's content, whatever it is written as: facts, tables, and the queries that moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from localrank.evaluation.answers import TRUE_ACCEPT, AnswerFigures
from localrank.evaluation.explained import COMPARISON, COST, measure_meaning
from localrank.evaluation.movements import Movements, movements
from localrank.evaluation.results import Evaluation, SystemResult
from localrank.evaluation.significance import Comparison, compared, intervals

__all__ = [
    "Report",
    "Table",
    "answers_table",
    "comparison_table",
    "cost_table",
    "outcome_remark",
    "probability",
    "quality_table",
    "report_of",
]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headings; the first column stands left, the others right.

    Attributes:
        title: Its heading.
        note: What is to be known of the whole.
        columns: The headings of the columns.
        rows: A text a column.
        explained: Column → what it means.
        best: (row, column) of the best value of a column, from 0; nothing where there is nothing to compare.
        expendable: The columns that a narrow screen leaves out, the first first.
    """

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    explained: Mapping[str, str] = field(default_factory=dict)
    best: frozenset[tuple[int, int]] = frozenset()
    expendable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says.

    Attributes:
        title: Its heading.
        facts: What was done, a sentence each.
        tables: Quality, cost, comparisons.
        moved: Each model against the first stage.
        evaluation: What it was made from.
    """

    title: str
    facts: tuple[str, ...]
    tables: tuple[Table, ...]
    moved: tuple[Movements, ...]
    evaluation: Evaluation


def report_of(
    evaluation: Evaluation,
    *,
    documents: Mapping[str, str] | None = None,
    answers: Sequence[AnswerFigures] = (),
) -> Report:
    """Return what is to be said of `evaluation` and of `answers`; `documents` (id → text) give the snippets."""
    measure = evaluation.measures[0]
    return Report(
        title=f"Rerankers on {evaluation.collection}",
        facts=tuple(_facts(evaluation)),
        tables=(
            quality_table(evaluation),
            cost_table(evaluation),
            comparison_table(compared(evaluation.systems, measure), measure),
            *([answers_table(answers)] if answers else []),
        ),
        moved=tuple(
            movements(evaluation, evaluation.first_stage, model, documents=documents)
            for model in evaluation.models
        ),
        evaluation=evaluation,
    )


def quality_table(evaluation: Evaluation, *, with_intervals: bool = True) -> Table:
    """Return one row a system with every measure."""
    systems = evaluation.systems
    ends = {measure: intervals(systems, measure) for measure in evaluation.measures if with_intervals}
    rows = tuple(
        (
            _label(system),
            *(
                f"{system.means[measure]:.4f}{_interval(ends.get(measure), system.name)}"
                for measure in evaluation.measures
            ),
        )
        for system in systems
    )
    note = "Mean over the queries" + (", with its 95 % bootstrap interval." if with_intervals else ".")
    best = frozenset(
        (row, column)
        for column, measure in enumerate(evaluation.measures, 1)
        for row in _best([system.means[measure] for system in systems], max)
    )
    explained = {measure: measure_meaning(measure) for measure in evaluation.measures}
    return Table(
        "Quality", note, ("system", *evaluation.measures), rows, explained, best, evaluation.measures[:0:-1]
    )


def cost_table(evaluation: Evaluation) -> Table:
    """Return one row a model with what it took."""
    columns = ("model", "pairs/s", "ms median", "ms p95", "tokens", "cost")
    rows = tuple((model.name, *_spent(model)) for model in evaluation.models)
    note = "Times of a query, one call after the other, without loading the model."
    models = evaluation.models
    values: tuple[tuple[list[float | None], Callable[..., float]], ...] = (
        ([model.pairs_per_second for model in models], max),
        ([model.median_ms for model in models], min),
        ([model.p95_ms for model in models], min),
    )
    best = frozenset(
        (row, at) for at, (column, better) in enumerate(values, 1) for row in _best(column, better)
    )
    return Table("Time and cost", note, columns, rows, COST, best, ("tokens", "pairs/s"))


def comparison_table(comparisons: Sequence[Comparison], measure: str, *, short: bool = False) -> Table:
    """Return one row a pair of systems; `short` leaves out what a narrow screen has no room for."""
    columns = ("second − first", "difference", "95 % interval", "p (Holm)", "")
    more = () if short else ("better / worse", "p")
    rows = tuple(
        (
            f"{comparison.second} − {comparison.first}",
            f"{comparison.difference:+.4f}",
            f"{comparison.low:+.4f} to {comparison.high:+.4f}",
            probability(comparison.p_corrected),
            "significant" if comparison.p_corrected < 0.05 else "not shown",
            *(() if short else (f"{comparison.wins} / {comparison.losses}", probability(comparison.p))),
        )
        for comparison in comparisons
    )
    note = (
        f"Paired randomisation test over the queries, two-sided; corrected by Holm for the {len(comparisons)} "
        f"comparison{'' if len(comparisons) == 1 else 's'} on {measure}. “Not shown” does not mean equal."
    )
    shown = {column: meaning for column, meaning in COMPARISON.items() if column in (*columns, *more)}
    expendable = ("p", "better / worse", "95 % interval")
    return Table(f"Differences in {measure}", note, (*columns, *more), rows, shown, expendable=expendable)


def _facts(evaluation: Evaluation) -> list[str]:
    documents = "all" if evaluation.candidates is None else f"at most {evaluation.candidates}"
    facts = [
        f"{len(evaluation.queries)} judged queries; {documents} candidates of each, from the first stage "
        f"{evaluation.first_stage.name!r}, which is measured over the same candidates.",
        f"Measured by ir-measures with localrank {evaluation.version}, {evaluation.created}.",
        *evaluation.remarks,
    ]
    for model in evaluation.models:
        facts += outcome_remark(model)
        facts += [
            f"{model.name}: warning {kind!r} on {count} of {len(model.rankings)} queries."
            for kind, count in model.warnings.items()
        ]
    return facts


def outcome_remark(model: SystemResult) -> list[str]:
    """Return the one sentence on queries that the model did not rank as asked; nothing where there is none."""
    others = {kind: count for kind, count in model.outcomes.items() if kind != "ranked"}
    if not others:
        return []
    total = sum(model.outcomes.values())
    told = ", ".join(f"{kind} {count} ({count / total:.1%})" for kind, count in sorted(others.items()))
    return [f"{model.name}: not all of {total} queries were ranked by the model that was asked: {told}."]


def answers_table(figures: Sequence[AnswerFigures]) -> Table:
    """Return one row a system: how well its best score tells lists with a relevant document from those without."""
    columns = (
        "system",
        "queries",
        "AUROC",
        f"false accept at {TRUE_ACCEPT:.0%}",
        "threshold",
        "accepts right",
        "wrong",
    )
    rows = tuple(
        (
            one.system,
            str(one.queries),
            str(one.auroc),
            str(one.false_accept_at),
            "none" if one.threshold is None else f"{one.threshold:.4g}",
            str(one.true_accept),
            str(one.false_accept),
        )
        for one in figures
    )
    allowed = f"{figures[0].allowed:.0%}" if figures else ""
    note = (
        "The best score of each query's candidates, with and without the documents judged relevant; 95 % bootstrap intervals "
        f"over the queries. The threshold lets {allowed} of the lists without an answer through, on these same queries."
    )
    expendable = ("queries", columns[3], "wrong", "accepts right")
    return Table("Does anything here answer", note, columns, rows, expendable=expendable)


def _best(values: Sequence[float | None], better: Callable[..., float]) -> Iterator[int]:
    """Yield the places of the best of several values; of none where all are alike."""
    known = [value for value in values if value is not None]
    if len(set(known)) > 1:
        yield from (at for at, value in enumerate(values) if value == better(known))


def _label(system: SystemResult) -> str:
    return f"{system.name} (first stage)" if system.kind == "first stage" else system.name


def _interval(ends: Mapping[str, tuple[float, float]] | None, name: str) -> str:
    return "" if ends is None else f" ({ends[name][0]:.3f}–{ends[name][1]:.3f})"


def _spent(system: SystemResult) -> tuple[str, ...]:
    numbers = (system.pairs_per_second, system.median_ms, system.p95_ms, system.tokens)
    shown = [
        "–" if number is None else f"{number:,.1f}" if number < 100 else f"{number:,.0f}"
        for number in numbers[:3]
    ]
    tokens = "–" if system.tokens is None else f"{system.tokens:,}"
    return (*shown, tokens, "–" if system.dollars is None else f"${system.dollars:.4f}")


def probability(p: float) -> str:
    """Return a p as it is printed; no test here can find less than 1 in 10,001."""
    return f"{p:.4f}" if p >= 0.0002 else "< 0.0002"
