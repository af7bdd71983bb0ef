"""Evaluations and comparisons as a person at a terminal sees them, and as JSON Lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from localrank.cli.output import note, print_json_lines, writing
from localrank.cli.snippets import printable
from localrank.cli.terminal import console
from localrank.evaluation.compare import SavedComparison
from localrank.evaluation.movements import Movement, Movements, movements
from localrank.evaluation.report import Table, comparison_table, cost_table, quality_table
from localrank.evaluation.results import Evaluation
from localrank.evaluation.saved import summary_of
from localrank.evaluation.significance import compared

__all__ = ["print_comparison", "print_evaluation"]

SHOWN_MOVEMENTS = 2
"""How many of the queries that moved a terminal shows; the reports have more."""


def print_evaluation(evaluation: Evaluation, folder: Path, *, for_person: bool) -> None:
    """Print the table and what moved, or one line of JSON a system; say where the reports are."""
    if not for_person:
        print_json_lines(summary_of(evaluation))
    else:
        measure = evaluation.measures[0]
        with writing():
            _print_table(quality_table(evaluation, with_intervals=False))
            _print_table(cost_table(evaluation))
            _print_table(comparison_table(compared(evaluation.systems, measure), measure, short=True))
            _print_movements(
                [movements(evaluation, evaluation.first_stage, model) for model in evaluation.models]
            )
    for remark in _remarks(evaluation):
        note(remark)
    note(f"Reports, runs and results.json are in {folder}: open {folder / 'report.html'}.")


def print_comparison(found: SavedComparison, *, for_person: bool) -> None:
    """Print the table and what moved, or one line of JSON a comparison."""
    for remark in found.remarks:
        note(remark)
    if not for_person:
        print_json_lines(asdict(one) for one in found.comparisons)
        return
    with writing():
        _print_table(found.table())
        _print_movements(found.moved)


def _remarks(evaluation: Evaluation) -> list[str]:
    warnings = [
        f"{model.name}: warning {kind!r} on {count} of {len(model.rankings)} queries."
        for model in evaluation.models
        for kind, count in model.warnings.items()
    ]
    return [*evaluation.remarks, *warnings]


def _print_table(table: Table) -> None:
    from rich.table import Table as RichTable  # noqa: PLC0415 - so that --help needs no rich
    from rich.text import Text  # noqa: PLC0415

    shown = RichTable(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(table.columns):
        shown.add_column(
            Text(name), justify="right" if place else "left", overflow="fold", no_wrap=bool(place)
        )
    for row in table.rows:
        shown.add_row(*(Text(printable(cell)) for cell in row))
    out = console()
    out.print(f"{table.title}", style="bold")
    out.print(table.note, style="bright_black")
    out.print(shown)
    out.print()


def _print_movements(moved: Sequence[Movements]) -> None:
    out = console()
    for one in moved:
        if not one.gained and not one.lost:
            continue
        out.print(f"{one.second} against {one.first}, {one.measure}", style="bold")
        for sign, style, queries in (("↑", "green", one.gained), ("↓", "red", one.lost)):
            for query in queries[:SHOWN_MOVEMENTS]:
                out.print(_line(sign, query), style=style, overflow="ellipsis", no_wrap=True)
        out.print()


def _line(sign: str, one: Movement) -> str:
    return f"  {sign} {one.before:.3f} → {one.after:.3f}  {printable(one.text)}"
