"""`localrank batch`: a file of many queries ranked into a folder, in parts that survive an interruption."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, get_args

import click

from localrank.batches.columns import Columns
from localrank.batches.files.texts import CollectionFiles
from localrank.batches.job import PART_DOCUMENTS, PART_DOCUMENTS_REMOTE, BatchJob, OutputFormat
from localrank.batches.planned import PlannedJob, plan
from localrank.batches.running import BatchProgress, BatchReport, forget, run_batch
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
from localrank.contract.model import AnyReranker
from localrank.providers.registry import make_model, resolve
from localrank.providers.services import services_in

__all__ = ["batch"]

_HELP = """\
Rank the candidates of many queries in INPUT, and write its rows with rank and score into the folder OUTPUT.

INPUT is a .parquet or .jsonl file, the latter also packed (.gz, .zst). A row is a candidate, and the rows of a query stand
together; or a row is a query and its text column a list of candidates. With --collection, or --queries-file and --documents,
INPUT is a TREC run.

OUTPUT gets the same rows in the same kind of file, in parts of whole queries, and a manifest. The same command goes on after
whatever stopped it, a lost process too, and leaves the same bytes as a run without a stop; Ctrl-C finishes the part first. Rows
that cannot be ranked go to _rejects-*.jsonl, with their number from 1 and the reason.

Parquet and zstd need the extra batch.
"""

_EPILOG = """\
Examples:

\b
  localrank batch pairs.parquet ranked/
  localrank batch pairs.jsonl.gz ranked/ --query-column question --text-column passage --top-k 10
  localrank batch bm25.run ranked/ --collection scifact/ --top-k 100
  localrank batch catalogue.parquet ranked/ -m cohere:rerank-v3.5 --dry-run
  localrank batch catalogue.parquet ranked/ -m cohere:rerank-v3.5 --max-cost 20
  localrank batch pairs.parquet ranked/ && python -c "import pandas; print(pandas.read_parquet('ranked/'))"

Exit codes:

\b
""" + "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in EXIT_CODES.items())

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_BETWEEN_LINES_S = {True: 0.5, False: 30.0}
"""Seconds between two words on progress: to a terminal, and to a log."""


@click.command(
    help=_HELP, epilog=_EPILOG, short_help="Rank a file of many queries; goes on after interruptions."
)
@click.argument("source", metavar="INPUT", type=_FILE)
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
    help="What the rows of one query share besides its text; for a TREC run, the query's id. [default: the text alone]",
)
@click.option("--id-column", metavar="NAME", help="The candidate's id, or their list; for a TREC run.")
@click.option("--rank-column", metavar="NAME", default="rank", show_default=True, help="Added: the rank.")
@click.option("--score-column", metavar="NAME", default="score", show_default=True, help="Added: the score.")
@click.option("--logit-column", metavar="NAME", help="Add the model's number before it was made a score.")
@click.option("--truncated-column", metavar="NAME", help="Add whether only the text's beginning was read.")
@click.option(
    "--chunk-column",
    metavar="NAME",
    help="Add the chunk that scored best, of a model such as 'chunked:(localrank-mini)'.",
)
@click.option(
    "--collection",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="INPUT is a TREC run, and its texts are in this BEIR folder (corpus.jsonl, queries.jsonl).",
)
@click.option(
    "--queries-file",
    type=_FILE,
    metavar="FILE",
    help="INPUT is a TREC run, and its queries are here: JSON Lines, or id, tab, text.",
)
@click.option("--documents", type=_FILE, metavar="FILE", help="The same of its documents.")
@click.option(
    "--output-format",
    type=click.Choice(get_args(OutputFormat)),
    default="same",
    show_default=True,
    help="trec: a TREC run, by --group-column and --id-column. jsonl: of a TREC run, its lines as JSON.",
)
@click.option("-k", "--top-k", type=click.IntRange(min=1), metavar="N", help="Candidates of a query to keep.")
@click.option("--instruction", metavar="TEXT", help='What "relevant" means here, for models that read it.')
@click.option(
    "--part-documents",
    type=click.IntRange(min=1),
    metavar="N",
    help="Candidates after which a part ends, at the end of a query. What is lost by a lost process, and held in memory. "
    f"[default: {PART_DOCUMENTS:,}; of a remote model {PART_DOCUMENTS_REMOTE:,}]",
)
@click.option("--max-parallel", type=click.IntRange(min=1), metavar="N", help="Queries at once. [default: 8]")
@click.option("--max-retries", type=click.IntRange(min=0), metavar="N", help="Repetitions of a remote call.")
@click.option(
    "--max-cost",
    type=click.FloatRange(min=0, min_open=True),
    metavar="DOLLARS",
    help="Begin no part that would pass this, by the list price and over all runs of the job.",
)
@click.option(
    "--document-store",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Keep what the model reads of documents there; see localrank store.",
)
@click.option("--strict", is_flag=True, help="A row that cannot be ranked ends the job.")
@click.option("--fresh", is_flag=True, help="Delete what an earlier job left in OUTPUT, and begin anew.")
@click.option(
    "--dry-run", is_flag=True, help="Say what the job will take, on this machine, and write nothing."
)
@click.option("--yes", is_flag=True, help="Send to a remote model without asking.")
@click.option(
    "--ray",
    is_flag=False,
    flag_value="",
    metavar="[ADDRESS]",
    help="Rank by actors of Ray: of the cluster at this address, or, without one, of RAY_ADDRESS, of this machine, or one that "
    "lives as long as the job. Write it last, or with =.",
)
def batch(
    *,
    model: str,
    document_store: Path | None,
    fresh: bool,
    dry_run: bool,
    yes: bool,
    ray: str | None,
    **described: Any,
) -> None:
    """Plan, or ask, rank and report."""
    if ray is not None and document_store is not None:
        raise click.UsageError("--document-store is a folder of this machine, and --ray ranks on others.")
    with _input_errors():
        job = job_of(**described)
        reranker = resolve(model)
        if document_store is not None:
            reranker = _keeping(model, reranker, document_store)
        if dry_run:
            planned = plan(job, resolve(model))  # a store would keep what the sample reads
            _show_plan(planned, on_cluster=ray is not None)
            return
        if services_in(reranker) and not yes:
            _ask(plan(job, reranker), reranker)
        if fresh:
            forget(job)
        report = _run(job, reranker, run_batch if ray is None else _on_ray(model, ray))
    _show_report(report, job)
    _exit(report)


def _keeping(name: str, model: AnyReranker, store: Path) -> AnyReranker:
    """Return the model of a name with a store of what it reads."""
    if not getattr(model, "reads_documents_apart", False):
        raise click.UsageError(
            f"--document-store is for a model that reads documents apart from the query, and {model.provider}:{model.model_id} "
            "does not. Leave it out."
        )
    return make_model(name, {"document_store": store})


def job_of(
    *,
    source: Path,
    output: Path,
    query_column: str,
    text_column: str,
    group_column: str | None,
    id_column: str | None,
    rank_column: str,
    score_column: str,
    logit_column: str | None,
    truncated_column: str | None,
    chunk_column: str | None,
    collection: Path | None,
    queries_file: Path | None,
    documents: Path | None,
    **settings: Any,
) -> BatchJob:
    """Return the job that the command's arguments describe; what is not about columns or texts has the job's own names."""
    columns = Columns(
        query_column,
        text_column,
        group_column,
        rank_column,
        score_column,
        logit_column,
        truncated_column,
        chunk_column,
        id_column,
    )
    texts = _collection_of(collection, queries_file, documents)
    return BatchJob(input=source, output=output, columns=columns, collection=texts, **settings)


def _collection_of(
    folder: Path | None, queries: Path | None, documents: Path | None
) -> CollectionFiles | None:
    if folder is None and queries is None and documents is None:
        return None
    of_folder = None if folder is None else CollectionFiles.of_folder(folder)
    if of_folder is not None:
        return CollectionFiles(queries or of_folder.queries, documents or of_folder.documents)
    if queries is None or documents is None:
        raise click.UsageError("A TREC run needs both --queries-file and --documents, or --collection.")
    return CollectionFiles(queries, documents)


def _exit(report: BatchReport) -> None:
    """Leave with the code that the report deserves."""
    if report.stopped == "max_cost":
        raise click.exceptions.Exit(ExitCode.COST)
    if not report.complete:
        raise click.exceptions.Exit(ExitCode.INTERRUPTED)
    if report.rejected and not report.kept:
        raise click.exceptions.Exit(ExitCode.INPUT)


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
        else f"about {_money(planned.dollars)} at the list price"
    )
    note(
        f"{model.provider}:{model.model_id}: {planned.documents:,} candidates of {planned.queries:,} queries, about "
        f"{planned.tokens:,} tokens; {cost}."
    )
    if not stdin_is_terminal():
        raise click.UsageError("Nobody is there to be asked: agree to the calls with --yes.")
    click.confirm("Send them?", abort=True, err=True)


def _show_plan(planned: PlannedJob, *, on_cluster: bool) -> None:
    where = "on this machine alone; no cluster was asked" if on_cluster else "on this machine"
    time_left = "" if planned.seconds is None else f"; about {_duration(planned.seconds)} {where}"
    money = "" if planned.dollars is None else f"; about {_money(planned.dollars)} at the list price"
    note(
        f"{planned.rows:,} rows: {planned.documents:,} candidates of {planned.queries:,} queries, about "
        f"{planned.tokens:,} tokens{time_left}{money}."
    )
    if not stdout_is_terminal():
        print_json_lines([asdict(planned)])


class _Runner(Protocol):
    """What ranks a job."""

    def __call__(
        self,
        job: BatchJob,
        model: AnyReranker,
        *,
        on_progress: Callable[[BatchProgress], None],
        should_stop: Callable[[], bool],
    ) -> BatchReport: ...


def _on_ray(name: str, address: str) -> _Runner:
    """Return what ranks a job on a cluster, where the model's name is sent: its key is then that of the machine it runs on."""
    from localrank.integrations.ray import run_batch_on_ray  # noqa: PLC0415  # few have Ray

    def run(
        job: BatchJob,
        model: AnyReranker,  # noqa: ARG001
        *,
        on_progress: Callable[[BatchProgress], None],
        should_stop: Callable[[], bool],
    ) -> BatchReport:
        return run_batch_on_ray(
            job, name, address=address or None, on_progress=on_progress, should_stop=should_stop
        )

    return run


def _run(job: BatchJob, model: AnyReranker, run: _Runner) -> BatchReport:
    with _stopping() as stop:
        progress = _Progress()
        try:
            return run(job, model, on_progress=progress.show, should_stop=stop.is_set)
        except (KeyboardInterrupt, RerankError):
            progress.end()
            if any(job.output.glob("part-*")):
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
        if progress.stage == "reading":
            return f"reading the input: {progress.rows:,} rows"
        rate = f"{progress.documents / seconds:,.0f} candidates/s"
        tokens = f", {progress.tokens / seconds:,.0f} tokens/s" if progress.tokens else ""
        money = f", {_money(progress.dollars)} so far" if progress.dollars else ""
        share = f" ({progress.rows / progress.total:.0%})" if progress.total else ""
        done = f"{progress.rows:,} of {progress.total or 0:,} rows{share}"
        return f"{done}, {rate}{tokens}{money}{self._left(progress, seconds)}"

    def _left(self, progress: BatchProgress, seconds: float) -> str:
        here = progress.rows - (self._first.rows if self._first else 0)
        if not here or not progress.total:
            return ""
        return f", {_duration(seconds * (progress.total - progress.rows) / here)} left"


def _show_report(report: BatchReport, job: BatchJob) -> None:
    if not stdout_is_terminal():
        print_json_lines([asdict(report)])
    if report.complete and not report.rows:
        note(f"{job.input} has no rows: {job.output} holds no part.")
        return
    earlier = f", {report.resumed:,} of them by an earlier run" if report.resumed else ""
    money = f" for about {_money(report.dollars)}" if report.dollars else ""
    done = f"{_counted(report.rows, 'row')}{earlier}; {report.kept:,} written"
    note(f"{done} in {_counted(report.parts, 'part')} to {job.output}{money}.")
    if report.rejected:
        which = "No row" if not report.kept else _counted(report.rejected, "row")
        could = "could" if not report.kept else "could not"
        note(f"{which} {could} be ranked: see {job.output}/_rejects-*.jsonl.")
    if report.stopped == "max_cost":
        note(
            f"Stopped after a whole part: the next would pass --max-cost {job.max_cost:g}. The same command with more goes on."
        )
    elif not report.complete:
        note("Stopped after a whole part; the same command goes on from there.")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _money(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:,.4f}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:,.1f} h"
