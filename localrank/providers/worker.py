"""One hop from the event loop to a thread of our own, that a cancelled task really stops and no exit waits for."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, TypeVar

import anyio
from anyio.lowlevel import current_token

from localrank.providers.beside import ending_error
from localrank.providers.forking import call_after_fork
from localrank.providers.places import loop_places
from localrank.providers.threads import run_soon

__all__ = ["run_in_thread"]

T = TypeVar("T")

_STOP_GRACE_S = 0.005
_STOP_POLL_S = 0.001

EXIT_GRACE_S = 0.3
"""How long the end of the process waits for stopped work: a thread that comes back from compiled code while the interpreter is
taken apart would abort the process."""


async def run_in_thread(work: Callable[[], T], *, stop: Callable[[], None]) -> T:
    """Run `work` in a thread and return its result; the event loop stays free.

    The loop's default limiter is shared with the application, so it is never used to park long work; see `Places`.

    Args:
        work: Plain blocking code. It finds the context variables of the awaiting task.
        stop: Called at once, from the event loop, when the awaiting task is cancelled; it must make `work` end soon and must
            not block. The cancellation then waits up to 5 ms for `work` to end and goes on without it after that.

    Raises:
        InferenceError: No thread could be started; or `work` raised what ends a program, such as `SystemExit`.
    """
    places = loop_places()
    await places.take()
    try:
        hop = _Hop(work, stop)
        run_soon(partial(copy_context().run, hop.run))
        return await hop.outcome()
    finally:
        places.give_back()


class _Hop(Generic[T]):
    """Work on its way through a thread and back."""

    def __init__(self, work: Callable[[], T], stop: Callable[[], None]) -> None:
        self.stop = stop
        self.has_ended = False
        self._work = work
        self._call_soon = _call_soon()
        self._back = anyio.Event()
        self._is_awaited = True
        self._value: T
        self._error: BaseException | None = None

    def run(self) -> None:
        """Work, in the thread."""
        _running[id(self)] = self
        try:
            self._value = self._work()
        except Exception as error:
            self._error = error
        except BaseException as error:
            self._error = ending_error(error, "What ran in a thread of localrank")
            self._error.__cause__ = error
        self.has_ended = True
        _running.pop(id(self), None)
        if self._is_awaited:
            with suppress(RuntimeError):  # the loop has ended
                self._call_soon(self._back.set)

    async def outcome(self) -> T:
        """Await the work, in the event loop."""
        try:
            await self._back.wait()
        except anyio.get_cancelled_exc_class():
            self._is_awaited = False
            self.stop()
            with anyio.move_on_after(_STOP_GRACE_S, shield=True):
                while not self.has_ended:
                    await anyio.sleep(_STOP_POLL_S)
            raise
        if self._error is None:
            return self._value
        try:
            raise self._error
        finally:
            self._error = None  # an error refers to this frame, and this to the error


def _call_soon() -> Callable[[Callable[[], object]], object]:
    """Return what has the running loop call a function, from any thread and without waiting for it.

    `anyio.from_thread.run_sync` waits until the loop has come to it, which doubles the time of many short hops.
    """
    loop: Any = current_token().native_token
    call_soon: Callable[[Callable[[], object]], object]
    call_soon = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon
    return call_soon


_running: dict[int, _Hop[Any]] = {}
"""Hops whose threads are at work."""


def _end_with_process() -> None:
    for hop in list(_running.values()):
        hop.stop()
    last = time.monotonic() + EXIT_GRACE_S
    while _running and time.monotonic() < last:
        time.sleep(_STOP_POLL_S)


atexit.register(_end_with_process)
call_after_fork(_running.clear)
