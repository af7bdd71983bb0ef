"""What `localrank evaluate` does between its options and the shell: read, ask, rank, write, print."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click

from localrank.cli.output import counted, note, print_json_lines, stdin_is_terminal, writing
from localrank.cli.snippets import printable
from localrank.cli.terminal import console, progress_bar
from localrank.contract.errors import InvalidDataError, InvalidRequestError, RerankError
from localrank.contract.model import AnyReranker
from localrank.evaluation.answers import AnswerFigures, answer_figures, best_scores
from localrank.evaluation.collection import Collection, sampled
from localrank.evaluation.compare import SavedComparison
from localrank.evaluation.evaluate import EvaluationProgress, evaluate_sync, named_models
from localrank.evaluation.first_stage import FirstStage, first_stage_of
from localrank.evaluation.journal import Journal
from localrank.evaluation.measures import check_measures
from localrank.evaluation.movements import Movement, Movements, movements
from localrank.evaluation.planned import PlannedCalls, planned_calls
from localrank.evaluation.reading import load_beir, load_jsonl, load_trec
from localrank.evaluation.report import (
    Table,
    answers_table,
    comparison_table,
    cost_table,
    outcome_remark,
    quality_table,
)
from localrank.evaluation.results import Evaluation
from localrank.evaluation.saved import summary_of
from localrank.evaluation.significance import compared
from localrank.evaluation.writing import JOURNAL, write_reports
from localrank.providers.columns import GAP, shown_columns

__all__ = ["EvaluationRequest", "print_comparison", "print_evaluation", "read_collection", "run_evaluation"]


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """What is asked for, by the options' names; `false_accept` is None where nobody asks for unanswerable lists."""

    models: tuple[str, ...]
    first_stage: str | None
    candidates: int
    queries: int | None
    seed: int
    measures: tuple[str, ...]
    instruction: str | None
    output: Path
    fresh: bool
    yes: bool
    false_accept: float | None = None

    @property
    def journal(self) -> Path:
        """Where finished rankings are kept."""
        return self.output / JOURNAL


def read_collection(
    data: Path | None, split: str | None, queries: Path | None, documents: Path | None, qrels: Path | None
) -> Collection:
    """Read the data in whichever form they are.

    Raises:
        UsageError: The options name no data, or two.
        InvalidDataError: A file that cannot be read, with the line.
    """
    if data is None:
        if queries is None or documents is None or qrels is None:
            raise click.UsageError("Name DATA, or --queries-file, --documents and --qrels.")
        if split is not None:
            raise click.UsageError("--split is for a folder with several: --qrels names the judgements.")
        return load_trec(queries, documents, qrels)
    if queries is not None or documents is not None:
        raise click.UsageError("--queries-file and --documents are for data without DATA.")
    if data.is_dir():
        try:
            return load_beir(data, split=split, qrels=qrels)
        except InvalidDataError as error:
            if not any(data.glob("*.tsv")) or (data / "qrels").exists():
                raise
            trec = "Files in TREC's forms are named by --queries-file, --documents and --qrels."
            raise InvalidDataError(error.message, hint=f"{error.hint} {trec}") from None
    if qrels is not None or split is not None:
        raise click.UsageError("A file brings its own judgements: leave out --qrels and --split.")
    return load_jsonl(data)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What was found, and how well each system tells lists with an answer from those without, where that was asked for."""

    evaluation: Evaluation
    answers: tuple[AnswerFigures, ...] = ()


def run_evaluation(collection: Collection, request: EvaluationRequest) -> Evaluated:
    """Evaluate with a progress bar and write the reports.

    Raises:
        InvalidDataError: A first stage that cannot be used.
        UsageError: Two models of one name, a measure that is none, an output that is no folder, or nobody to ask.
        Abort: The person did not want the remote calls.
        RerankError: What a model raised; finished rankings are kept.
    """
    try:
        _check_output(request.output)
        models = named_models(request.models)
        check_measures(request.measures)
    except InvalidRequestError as error:
        raise click.UsageError(str(error)) from None
    chosen = sampled(collection, request.queries, seed=request.seed)
    note(
        f"{counted(len(chosen.queries), 'judged query', 'judged queries')}, {counted(len(chosen.documents), 'document')}."
    )
    if chosen.first_stages and request.first_stage is None:
        note(f"Came with the data, for --first-stage: {', '.join(chosen.first_stages)}.")
    stage = first_stage_of(chosen, request.first_stage, candidates=request.candidates)
    if request.fresh:
        _forget(request.journal)
    _announce_remote(models, chosen, stage, request)
    total = len(models) * len(chosen.queries)
    with _resumable(request.journal, total) as seen, progress_bar("Evaluating", total) as bar:

        def on_progress(event: EvaluationProgress) -> None:
            seen(event)
            if bar is not None:
                bar.show(event.done)

        evaluation = evaluate_sync(
            models,
            chosen,
            first_stage=stage,
            candidates=request.candidates,
            measures=request.measures,
            seed=request.seed,
            instruction=request.instruction,
            on_progress=on_progress,
            journal=request.journal,
        )
    answers = () if request.false_accept is None else tuple(_answers(evaluation, request.false_accept))
    before = _reported(request.output)
    write_reports(evaluation, request.output, documents=chosen.documents, answers=answers)
    if before not in {None, chosen.name}:
        note(f"{request.output} held the reports of {before!r}, which are replaced; --output keeps both.")
    return Evaluated(evaluation, answers)


def _reported(folder: Path) -> str | None:
    """Return the name of the data whose reports a folder holds, if any."""
    try:
        name = json.loads((folder / "results.json").read_bytes()).get("collection")
    except (OSError, ValueError, AttributeError):
        return None
    return name if isinstance(name, str) else None


def _answers(evaluation: Evaluation, allowed: float) -> Iterator[AnswerFigures]:
    """Yield the figures of every system that has some, and say of the others why not."""
    for system in evaluation.systems:
        try:
            yield answer_figures(system.name, best_scores(evaluation, system), allowed=allowed)
        except InvalidRequestError as error:
            note(f"{system.name}: {error.message}")


def _check_output(folder: Path) -> None:
    """Refuse a folder that a file stands in the way of, before anything is computed or paid for."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise InvalidRequestError(f"--output is {str(folder)!r}, and {there} is no folder.")


def _forget(journal: Path) -> None:
    try:
        journal.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidRequestError(f"{journal} cannot be deleted: {error.strerror}.") from None


def _announce_remote(
    models: Mapping[str, AnyReranker], collection: Collection, stage: FirstStage, request: EvaluationRequest
) -> None:
    """State the remote calls and their price, and ask."""
    journal = Journal(request.journal)
    planned = planned_calls(models, collection, stage, journal=journal, instruction=request.instruction)
    for calls in planned:
        note(_told(calls))
    if not planned or request.yes:
        return
    if not stdin_is_terminal():
        raise click.UsageError("Nobody is there to be asked: agree to the calls with --yes.")
    click.confirm("Send them?", abort=True, err=True)


def _told(calls: PlannedCalls) -> str:
    inside = "" if calls.model == calls.name else f" (in {calls.name})"
    what = (
        f"{calls.model}{inside}: at most {calls.requests:,} request{'' if calls.requests == 1 else 's'} "
        f"for {calls.queries:,} queries, {calls.pairs:,} texts, about {calls.tokens:,} tokens"
    )
    if calls.dollars is None or calls.price is None:
        return f"{what}; the price is not known."
    price = f"${calls.price.dollars:g} per {calls.price.unit}, read {calls.price.read_on}"
    return f"{what}; about ${calls.dollars:.2f} at the list price ({price})."


@contextmanager
def _resumable(journal: Path, total: int) -> Iterator[Callable[[EvaluationProgress], None]]:
    """Yield what notes how far the evaluation is; say how to go on when it is stopped."""
    last: EvaluationProgress | None = None

    def seen(event: EvaluationProgress) -> None:
        nonlocal last
        last = event

    try:
        yield seen
    except (KeyboardInterrupt, RerankError):
        if last is not None:
            note(
                f"{last.done:,} of {total:,} rankings are done and kept in {journal}; the same command goes on from there."
            )
        raise
    if last is not None and last.resumed:
        note(f"{last.resumed:,} rankings were there from an earlier run (--fresh ranks all again).")


NARROWEST_NAME = 20
"""Cells in which the name of a system may be folded."""

SHOWN_MOVEMENTS = 2
"""How many of the queries that moved a terminal shows; the reports have more."""


def print_evaluation(evaluated: Evaluated, folder: Path, *, for_person: bool) -> None:
    """Print the table and what moved, or one line of JSON a system; say where the reports are."""
    evaluation, answers = evaluated.evaluation, evaluated.answers
    if not for_person:
        told = {figures.system: {"answers": asdict(figures)} for figures in answers}
        print_json_lines({**record, **told.get(record["name"], {})} for record in summary_of(evaluation))
    else:
        measure = evaluation.measures[0]
        with writing():
            _print_table(quality_table(evaluation, with_intervals=False))
            _print_table(cost_table(evaluation))
            _print_table(comparison_table(compared(evaluation.systems, measure), measure, short=True))
            if answers:
                _print_table(answers_table(answers))
            _print_movements(
                [movements(evaluation, evaluation.first_stage, model) for model in evaluation.models]
            )
    for remark in _remarks(evaluation):
        note(remark)
    note(f"Reports, runs and results.json are in {folder}: open {folder / 'report.html'}.")


def print_comparison(saved: SavedComparison, *, for_person: bool) -> None:
    """Print the table and what moved, or one line of JSON a comparison."""
    for remark in saved.remarks:
        note(remark)
    if not for_person:
        print_json_lines(asdict(comparison) for comparison in saved.comparisons)
        return
    with writing():
        _print_table(saved.table())
        _print_movements(saved.moved)


def _remarks(evaluation: Evaluation) -> list[str]:
    warnings = [
        f"{model.name}: warning {kind!r} on {count} of {len(model.rankings)} queries."
        for model in evaluation.models
        for kind, count in model.warnings.items()
    ]
    outcomes = [remark for model in evaluation.models for remark in outcome_remark(model)]
    return [*evaluation.remarks, *outcomes, *warnings]


def _print_table(table: Table) -> None:
    from rich.table import Table as RichTable  # noqa: PLC0415 - so that --help needs no rich
    from rich.text import Text  # noqa: PLC0415

    out = console()
    names, rows = table.columns, [[printable(cell) for cell in row] for row in table.rows]
    least = {names[0]: NARROWEST_NAME}
    places = shown_columns(names, rows, out.width, expendable=table.expendable, least=least)
    shown = RichTable(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for at in places:
        justify: Literal["left", "right"] = "right" if at else "left"
        shown.add_column(Text(names[at]), justify=justify, overflow="fold", no_wrap=bool(at))
    for row in rows:
        shown.add_row(*(Text(row[at]) for at in places))
    out.print(f"{table.title}", style="bold")
    out.print(table.note, style="bright_black")
    out.print(shown)
    if len(places) < len(names):
        absent = ", ".join(name for at, name in enumerate(names) if at not in places)
        out.print(f"No room here for {absent}: a wider terminal, or --json, has them.", style="bright_black")
    out.print()


def _print_movements(moved: Sequence[Movements]) -> None:
    out = console()
    for changes in moved:
        if not changes.gained and not changes.lost:
            continue
        out.print(f"{changes.second} against {changes.first}, {changes.measure}", style="bold")
        for sign, style, queries in (("↑", "green", changes.gained), ("↓", "red", changes.lost)):
            for query in queries[:SHOWN_MOVEMENTS]:
                out.print(_line(sign, query), style=style, overflow="ellipsis", no_wrap=True)
        out.print()


def _line(sign: str, movement: Movement) -> str:
    return f"  {sign} {movement.before:.3f} → {movement.after:.3f}  {printable(movement.text)}"
