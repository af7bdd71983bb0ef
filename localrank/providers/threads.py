"""Daemon threads that do one piece of work after another, and end when nothing came for a while."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from localrank.providers.beside import start
from localrank.providers.forking import call_after_fork, threads_are_greenlets

__all__ = ["run_soon"]

IDLE_S = 5.0

_idle: deque[_Thread] = deque()
"""The last to become idle is the first to work again, so that what is not needed ends."""


def run_soon(work: Callable[[], object]) -> None:
    """Run `work`, which raises nothing, in a daemon thread.

    Raises:
        InferenceError: No thread could be started.
    """
    try:
        thread = _idle.pop()
    except IndexError:
        _Thread(work).begin()
    else:
        thread.wake(work)


class _Thread:
    def __init__(self, work: Callable[[], object]) -> None:
        self._work: Callable[[], object] | None = work
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def begin(self) -> None:
        start(threading.Thread(target=self._run, name="localrank-call", daemon=True))

    def wake(self, work: Callable[[], object]) -> None:
        self._work = work
        self._asleep.release()

    def _run(self) -> None:
        while self._work is not None:
            work, self._work = self._work, None
            work()
            del work
            if threads_are_greenlets():  # one that sleeps in a lock older than the exchange would stop all
                return
            _idle.append(self)
            if not self._asleep.acquire(timeout=IDLE_S):
                self._end()

    def _end(self) -> None:
        """Leave the idle ones; where somebody took this thread just now, wait for the work."""
        try:
            _idle.remove(self)
        except ValueError:
            self._asleep.acquire()


call_after_fork(_idle.clear)
