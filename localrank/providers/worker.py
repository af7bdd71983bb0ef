"""One hop from the event loop to a thread, on localrank's own limiter, that a cancelled task really stops."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

__all__ = ["MAX_THREADS", "run_in_thread"]

T = TypeVar("T")

MAX_THREADS = 64
"""Calls of one event loop that may hold a thread at once. The loop's default limiter is shared with the application, so it is
never used to park long work."""

_STOP_GRACE_S = 0.005
_STOP_POLL_S = 0.001

_limiter: RunVar[anyio.CapacityLimiter] = RunVar("localrank_thread_limiter")


async def run_in_thread(work: Callable[[], T], *, stop: Callable[[], None]) -> T:
    """Run `work` in a thread and return its result; the event loop stays free.

    Args:
        work: Plain blocking code.
        stop: Called at once, from the event loop, when the awaiting task is cancelled; it must make `work` end soon and must
            not block. The cancellation then waits up to 5 ms for `work` to end and goes on without it after that.
    """
    ended = threading.Event()

    def run() -> T:
        try:
            return work()
        finally:
            ended.set()

    try:
        return await anyio.to_thread.run_sync(run, abandon_on_cancel=True, limiter=_loop_limiter())
    except anyio.get_cancelled_exc_class():
        stop()
        with anyio.move_on_after(_STOP_GRACE_S, shield=True):
            while not ended.is_set():
                await anyio.sleep(_STOP_POLL_S)
        raise


def _loop_limiter() -> anyio.CapacityLimiter:
    try:
        return _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(MAX_THREADS)
        _limiter.set(limiter)
        return limiter
