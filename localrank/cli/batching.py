"""What `localrank batch` does between its options and the shell: ask, rank until it is stopped, show how far it is, report."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import Protocol

import click

from localrank.batches.job import BatchJob
from localrank.batches.planned import PlannedJob
from localrank.batches.running import BatchProgress, BatchReport
from localrank.cli.output import (
    ExitCode,
    counted,
    note,
    print_json_lines,
    stderr_is_terminal,
    stdin_is_terminal,
    stdout_is_terminal,
)
from localrank.cli.wording import in_options
from localrank.contract.errors import InvalidRequestError, RerankError
from localrank.contract.model import AnyReranker
from localrank.providers.services import services_in

__all__ = ["ask", "leave", "on_ray", "ranked", "show_plan", "show_report"]

_BETWEEN_LINES_S = {True: 0.5, False: 30.0}
"""Seconds between two words on progress: to a terminal, and to a log."""


def ask(planned: PlannedJob, model: AnyReranker) -> None:
    """State what will be sent and its price, and ask."""
    note(
        f"{model.provider}:{model.model_id}: {counted(planned.documents, 'candidate')} of "
        f"{counted(planned.queries, 'query', 'queries')}, about "
        f"{counted(planned.tokens, 'token')}; {_cost(planned)}."
    )
    if not stdin_is_terminal():
        raise click.UsageError("Nobody is there to be asked: agree to the calls with --yes.")
    click.confirm("Send them?", abort=True, err=True)


def show_plan(planned: PlannedJob, model: AnyReranker, *, on_cluster: bool) -> None:
    """Say what the job will take; as JSON too where a program reads along."""
    where = "on this machine alone; no cluster was asked" if on_cluster else "on this machine"
    time_left = "" if planned.seconds is None else f"; about {_duration(planned.seconds)} {where}"
    money = f"; {_cost(planned)}" if services_in(model) else ""
    note(
        f"{counted(planned.rows, 'row')}: {counted(planned.documents, 'candidate')} of "
        f"{counted(planned.queries, 'query', 'queries')}, about "
        f"{counted(planned.tokens, 'token')}{time_left}{money}."
    )
    if not stdout_is_terminal():
        print_json_lines([asdict(planned)])


def _cost(planned: PlannedJob) -> str:
    if planned.dollars is None:
        return "the price is not known"
    return f"about {_money(planned.dollars)} at the list price"


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


def on_ray(name: str, address: str) -> _Runner:
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


def ranked(job: BatchJob, model: AnyReranker, run: _Runner) -> BatchReport:
    """Rank by `run`, and show how far it is; the first Ctrl-C ends it after a whole part."""
    progress = _Progress()
    with _stopping(progress) as stop:
        try:
            return run(job, model, on_progress=progress.show, should_stop=stop.is_set)
        except (KeyboardInterrupt, RerankError) as error:
            progress.end()
            goes_on = not isinstance(error, InvalidRequestError)
            if goes_on and any(job.output.glob("part-*")):
                note("Finished parts are kept; the same command goes on from there.")
            raise
        finally:
            progress.end()


@contextmanager
def _stopping(progress: _Progress) -> Iterator[threading.Event]:
    """Yield what the first Ctrl-C sets; the second one stops at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.getsignal(signal.SIGINT)

    def first(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)
        progress.end()
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
        if not here or not progress.total or progress.rows >= progress.total:
            return ""
        return f", {_duration(seconds * (progress.total - progress.rows) / here)} left"


def show_report(report: BatchReport, job: BatchJob) -> None:
    """Say what the run came to; as JSON too where a program reads along."""
    if not stdout_is_terminal():
        print_json_lines([asdict(report)])
    if report.complete and not report.rows:
        note(f"{job.input} has no rows: {job.output} holds no part.")
        return
    earlier = f", {report.resumed:,} of them by an earlier run" if report.resumed else ""
    money = f" for about {_money(report.dollars)}" if report.dollars else ""
    done = f"{counted(report.rows, 'row')}{earlier}; {report.kept:,} written"
    note(f"{done} in {counted(report.parts, 'part')} to {job.output}{money}.")
    for warned in report.warnings.values():
        said = in_options(warned.first, click.get_current_context().command)
        note(f"warning on {counted(warned.lists, 'list')}, on the first: {said}")
    if report.rejected:
        which = "No row" if not report.kept else counted(report.rejected, "row")
        could = "could" if not report.kept else "could not"
        note(f"{which} {could} be ranked: see {job.output}/_rejects-*.jsonl.")
    if report.stopped == "max_cost":
        note(
            f"Stopped after a whole part: the next would pass --max-cost {job.max_cost:g}. The same command with more goes on."
        )
    elif not report.complete:
        note("Stopped after a whole part; the same command goes on from there.")


def _money(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:,.4f}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:,.1f} h"


def leave(report: BatchReport) -> None:
    """Leave with the code that the report deserves."""
    if report.stopped == "max_cost":
        raise click.exceptions.Exit(ExitCode.COST)
    if not report.complete:
        raise click.exceptions.Exit(ExitCode.INTERRUPTED)
    if report.rejected and not report.kept:
        raise click.exceptions.Exit(ExitCode.INPUT)
