"""A progress bar on standard error, for work that takes longer than a moment and a person who watches."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from localrank.cli.terminal import console
from localrank.contract.events import CallProgress

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["ProgressBar", "progress_bar"]

DELAY_S = 0.5
"""Work that ends sooner shows no bar."""


class ProgressBar:
    """A bar that appears once `DELAY_S` has passed. Call it with progress events, from any thread."""

    def __init__(self, label: str, total: int) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._lock = threading.Lock()
        self._timer = threading.Timer(DELAY_S, self._show)
        self._timer.daemon = True
        self._progress: Progress | None = None
        self._over = False

    def __call__(self, event: CallProgress) -> None:
        """Note how far the call is."""
        self.show(event.done)

    def show(self, done: int) -> None:
        """Note that `done` are done."""
        with self._lock:
            self._done = done
            self._update()

    def start(self) -> None:
        """Begin to wait."""
        self._timer.start()

    def stop(self) -> None:
        """Take the bar off the screen."""
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._progress is not None:
                self._progress.stop()

    def _show(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with self._lock:
            if self._over:
                return
            self._progress = Progress(*columns, console=console(stderr=True), transient=True)
            self._progress.add_task(self._label, total=self._total)
            self._update()
            self._progress.start()

    def _update(self) -> None:
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], completed=self._done)


@contextmanager
def progress_bar(label: str, total: int) -> Iterator[ProgressBar | None]:
    """Show a bar while the block runs, if standard error is a terminal; yield what to pass as `on_progress`."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = ProgressBar(label, total)
    bar.start()
    try:
        yield bar
    finally:
        bar.stop()
