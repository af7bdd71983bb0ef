"""`localrank batch`: a file of many queries ranked into a folder, in parts that survive an interruption."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType

import click

from localrank.batches.job import BatchJob, BatchProgress, BatchReport, forget, run_batch
from localrank.batches.planned import PlannedJob, plan
from localrank.batches.rows import Columns
from localrank.cli.output import (
    EXIT_CODES,
    ExitCode,
    InputError,
    note,
    print_json_lines,
    stderr_is_terminal,
    stdin_is_terminal,
    stdout_is_terminal,
)
from localrank.cli.ranking import model_option
from localrank.contract.errors import InvalidRequestError, RerankError
from localrank.contract.model import AnyReranker, is_remote
from localrank.providers.registry import resolve

__all__ = ["batch"]

_HELP = """\
Rank the candidates of many queries in INPUT, and write its rows with rank and score into the folder OUTPUT.

INPUT is a .parquet, .jsonl or .jsonl.gz file. A row is a candidate, and the rows of a query stand together; or a row is a query
and its text column a list of candidates. OUTPUT gets the same rows in the same kind of file, in parts of whole queries, and a
manifest. The same command goes on after whatever stopped it, a lost process too, and leaves the same bytes as a run without a
stop; Ctrl-C finishes the part first. Rows that cannot be ranked go to _rejects-*.jsonl, with their number from 1 and the
reason.

Parquet needs the extra parquet.
"""

_EPILOG = """\
Examples:

\b
  localrank batch pairs.parquet ranked/
  localrank batch pairs.jsonl.gz ranked/ --query-column question --text-column passage --top-k 10
  localrank batch catalogue.parquet ranked/ -m cohere:rerank-v3.5 --dry-run
  localrank batch pairs.parquet ranked/ && python -c "import pandas; print(pandas.read_parquet('ranked/'))"

Exit codes:

\b
""" + "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in EXIT_CODES.items())

_BETWEEN_LINES_S = {True: 0.5, False: 30.0}
"""Seconds between two words on progress: to a terminal, and to a log."""


@click.command(
    help=_HELP, epilog=_EPILOG, short_help="Rank a file of many queries; goes on after interruptions."
)
@click.argument("source", metavar="INPUT", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@model_option
@click.option("--query-column", metavar="NAME", default="query", show_default=True, help="The query's text.")
@click.option(
    "--text-column",
    metavar="NAME",
    default="text",
    show_default=True,
    help="The candidate's text, or the list of the candidates' texts.",
)
@click.option(
    "--group-column",
    metavar="NAME",
    help="What the rows of one query share, where a row is a candidate. [default: the query]",
)
@click.option("--rank-column", metavar="NAME", default="rank", show_default=True, help="Added: the rank.")
@click.option("--score-column", metavar="NAME", default="score", show_default=True, help="Added: the score.")
@click.option("-k", "--top-k", type=click.IntRange(min=1), metavar="N", help="Candidates of a query to keep.")
@click.option("--instruction", metavar="TEXT", help='What "relevant" means here, for models that read it.')
@click.option(
    "--part-documents",
    type=click.IntRange(min=1),
    metavar="N",
    default=20_000,
    show_default=True,
    help="Candidates after which a part ends, at the end of a query. What is lost by a lost process, and held in memory.",
)
@click.option("--max-parallel", type=click.IntRange(min=1), metavar="N", help="Queries at once. [default: 8]")
@click.option("--max-retries", type=click.IntRange(min=0), metavar="N", help="Repetitions of a remote call.")
@click.option("--strict", is_flag=True, help="A row that cannot be ranked ends the job.")
@click.option("--fresh", is_flag=True, help="Delete what an earlier job left in OUTPUT, and begin anew.")
@click.option("--dry-run", is_flag=True, help="Say what the job will take, and write nothing.")
@click.option("--yes", is_flag=True, help="Send to a remote model without asking.")
def batch(
    *,
    source: Path,
    output: Path,
    model: str,
    query_column: str,
    text_column: str,
    group_column: str | None,
    rank_column: str,
    score_column: str,
    top_k: int | None,
    instruction: str | None,
    part_documents: int,
    max_parallel: int | None,
    max_retries: int | None,
    strict: bool,
    fresh: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Plan, or ask, rank and report."""
    job = BatchJob(
        input=source,
        output=output,
        columns=Columns(query_column, text_column, group_column, rank_column, score_column),
        top_k=top_k,
        instruction=instruction,
        part_documents=part_documents,
        strict=strict,
        max_parallel=max_parallel,
        max_retries=max_retries,
    )
    reranker = resolve(model)
    with _input_errors():
        if dry_run:
            _show_plan(plan(job, reranker))
            return
        if is_remote(reranker) and not yes:
            _ask(plan(job, reranker), reranker)
        if fresh:
            forget(job)
        report = _run(job, reranker)
    _show_report(report, job)
    if not report.complete:
        raise click.exceptions.Exit(ExitCode.INTERRUPTED)


@contextmanager
def _input_errors() -> Iterator[None]:
    try:
        yield
    except InvalidRequestError as error:
        raise InputError(str(error)) from None


def _ask(planned: PlannedJob, model: AnyReranker) -> None:
    """State what will be sent and its price, and ask."""
    cost = (
        "the price is not known"
        if planned.dollars is None
        else f"about ${planned.dollars:,.2f} at the list price"
    )
    note(
        f"{model.provider}:{model.model_id}: {planned.documents:,} candidates of {planned.queries:,} queries, about "
        f"{planned.tokens:,} tokens; {cost}."
    )
    if not stdin_is_terminal():
        raise click.UsageError("Nobody is there to be asked: agree to the calls with --yes.")
    click.confirm("Send them?", abort=True, err=True)


def _show_plan(planned: PlannedJob) -> None:
    time_left = "" if planned.seconds is None else f"; about {_duration(planned.seconds)} on this machine"
    money = "" if planned.dollars is None else f"; about ${planned.dollars:,.2f} at the list price"
    note(
        f"{planned.rows:,} rows: {planned.documents:,} candidates of {planned.queries:,} queries, about "
        f"{planned.tokens:,} tokens{time_left}{money}."
    )
    if not stdout_is_terminal():
        print_json_lines([asdict(planned)])


def _run(job: BatchJob, model: AnyReranker) -> BatchReport:
    with _stopping() as stop:
        progress = _Progress()
        try:
            return run_batch(job, model, on_progress=progress.show, should_stop=stop.is_set)
        except (KeyboardInterrupt, RerankError):
            progress.end()
            if progress.has_begun:
                note("Finished parts are kept; the same command goes on from there.")
            raise
        finally:
            progress.end()


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Yield what the first Ctrl-C sets; the second one stops at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.getsignal(signal.SIGINT)

    def first(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)
        note("finishing this part; Ctrl-C again stops at once.")

    signal.signal(signal.SIGINT, first)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


class _Progress:
    """Words on progress: a line that is written over on a terminal, one line every half minute elsewhere."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self._terminal = stderr_is_terminal()
        self._first: BatchProgress | None = None
        self._open = False

    @property
    def has_begun(self) -> bool:
        """Whether anything was ranked."""
        return self._first is not None

    def show(self, progress: BatchProgress) -> None:
        """Say how far the job is, if it is time to."""
        self._first = self._first or progress
        now = time.monotonic()
        if now - self._last < _BETWEEN_LINES_S[self._terminal]:
            return
        self._last = now
        line = self._line(progress, now - self._began)
        if self._terminal:
            click.echo(f"\r\x1b[K{line}", nl=False, err=True)
            self._open = True
        else:
            note(line)

    def end(self) -> None:
        """Leave the line that was written over."""
        if self._open:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._open = False

    def _line(self, progress: BatchProgress, seconds: float) -> str:
        rate = f"{progress.documents / seconds:,.0f} candidates/s"
        tokens = f", {progress.tokens / seconds:,.0f} tokens/s" if progress.tokens else ""
        money = f", ${progress.dollars:,.4f} so far" if progress.dollars else ""
        if not progress.total:
            return f"{progress.rows:,} rows done, {rate}{tokens}{money}"
        done = f"{progress.rows:,} of {progress.total:,} rows ({progress.rows / progress.total:.0%})"
        return f"{done}, {rate}{tokens}{money}{self._left(progress, seconds)}"

    def _left(self, progress: BatchProgress, seconds: float) -> str:
        here = progress.rows - (self._first.rows if self._first else 0)
        if not here or not progress.total:
            return ""
        return f", {_duration(seconds * (progress.total - progress.rows) / here)} left"


def _show_report(report: BatchReport, job: BatchJob) -> None:
    if not stdout_is_terminal():
        print_json_lines([asdict(report)])
    earlier = f", {report.resumed:,} of them by an earlier run" if report.resumed else ""
    note(f"{report.rows:,} rows{earlier}; {report.kept:,} written in {report.parts:,} parts to {job.output}.")
    if report.rejected:
        note(f"{report.rejected:,} rows could not be ranked: see {job.output}/_rejects-*.jsonl.")
    if not report.complete:
        note("Stopped after a whole part; the same command goes on from there.")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:,.1f} h"
