"""Work in a thread of its own, beside what its caller does meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["begin"]

T = TypeVar("T")


def begin(work: Callable[[], T], *, name: str) -> Future[T]:
    """Begin `work` and return at once; the future gives its result, or raises its error.

    A plain thread: a pool takes no work once the main thread has ended, though other threads may still call.

    Args:
        work: Plain blocking code.
        name: Of the thread.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name=name).start()
    return outcome
