"""Work in a thread of its own, beside what its caller does meanwhile."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from localrank.contract.errors import InferenceError

__all__ = ["ENDS_PROGRAMS", "begin", "ending_error", "is_main_thread", "start"]

T = TypeVar("T")

ENDS_PROGRAMS = (SystemExit, KeyboardInterrupt)
"""What an event loop does not survive, and with it all calls that run on it."""


def begin(work: Callable[[], T], *, name: str, daemon: bool = False) -> Future[T]:
    """Begin `work` and return at once; the future gives its result, or raises its error.

    A plain thread: a pool takes no work once the main thread has ended, though other threads may still call.

    Args:
        work: Plain blocking code.
        name: Of the thread.
        daemon: Whether the interpreter ends without waiting for it.

    Raises:
        InferenceError: No thread could be started.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    start(threading.Thread(target=run, name=name, daemon=daemon))
    return outcome


def start(thread: threading.Thread) -> None:
    """Start `thread`.

    Raises:
        InferenceError: The system gives no thread now, or the interpreter is being taken apart: no new one would run.
    """
    if sys.is_finalizing():
        raise InferenceError(
            "The interpreter is ending, and its threads have ended.",
            hint="Rank before, at the latest in `atexit`.",
        )
    try:
        thread.start()
    except RuntimeError as error:
        raise InferenceError(
            f"No thread could be started: {error}.",
            hint="Raise the limit of processes (`ulimit -u`, the container's pids limit), end threads, or free memory "
            "(`ulimit -v`, the container's limit), of which each thread needs some for its stack; then call again.",
        ) from error


def is_main_thread() -> bool:
    """Whether this is the main thread, where `SystemExit` and Ctrl-C end the program as they are meant to."""
    return threading.current_thread() is threading.main_thread()


def ending_error(error: BaseException, what: str) -> InferenceError:
    """Return the error for code that raised what ends a program, such as `SystemExit`, where only a call may end.

    Args:
        error: What was raised.
        what: Who raised it.
    """
    return InferenceError(
        f"{what} raised {type(error).__name__}, which ends a program; it ended this call.",
        hint="Raise an Exception instead.",
    )
