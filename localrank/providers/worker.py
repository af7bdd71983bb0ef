"""One hop from the event loop to a thread of our own, that a cancelled task really stops and no exit waits for.

A loop has so many places for such hops, given in the order of asking. The threads are daemons that do one piece of work after
another, and end when nothing came for a while.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, TypeVar

import anyio
from anyio.lowlevel import RunVar, current_token

from localrank.providers.beside import ending_error, start
from localrank.providers.forking import call_after_fork, renew_after_fork, threads_are_greenlets

__all__ = ["Places", "cancel_requests", "run_in_thread", "run_soon"]

T = TypeVar("T")

_STOP_GRACE_S = 0.005
_STOP_POLL_S = 0.001

EXIT_GRACE_S = 0.3
"""How long the end of the process waits for stopped work: a thread that comes back from compiled code while the interpreter is
taken apart would abort the process."""

PLACES_AT_FIRST = 64
STANDSTILL_S = 0.05
IDLE_S = 5.0


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
    places = _loop_places()
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


class _Waiting:
    """One who waits: whether there is a place now, and what wakes it."""

    __slots__ = ("has_place", "wake")

    def __init__(self) -> None:
        self.has_place = False
        self.wake = anyio.Event()


class Places:
    """Belongs to one event loop.

    Who has a place may wait for somebody who has none yet (a synchronous reranker that itself calls `rerank_sync`). So when
    none was given back for 50 ms and somebody waits, their number doubles; it falls again as they are given back.

    Args:
        count: How many there are at first.
    """

    def __init__(self, count: int = PLACES_AT_FIRST) -> None:
        self.count = count
        self._least = count
        self._free = count
        self._waiting: deque[_Waiting] = deque()
        renew_after_fork(self, Places._renew)

    async def take(self) -> None:
        """Wait for a place and take it; `give_back` ends that."""
        if self._free and not self._waiting:
            self._free -= 1
            return
        me = _Waiting()
        self._waiting.append(me)
        try:
            while not me.has_place:
                await self._wait(me)
        except BaseException:
            self._give_up(me)
            raise

    def give_back(self) -> None:
        """Give a place back, to who has waited longest."""
        if self._waiting:
            self._give()
        elif self.count > self._least:
            self.count -= 1
        else:
            self._free += 1

    async def _wait(self, me: _Waiting) -> None:
        me.wake = anyio.Event()
        is_next = self._waiting[0] is me
        with anyio.move_on_after(STANDSTILL_S if is_next else None) as scope:
            await me.wake.wait()
        if scope.cancelled_caught and not me.has_place:
            self._grow()

    def _grow(self) -> None:
        more, self.count = self.count, self.count * 2
        for _ in range(min(more, len(self._waiting))):
            more -= 1
            self._give()
        self._free += more

    def _give(self) -> None:
        first = self._waiting.popleft()
        first.has_place = True
        first.wake.set()
        self._wake_next()

    def _wake_next(self) -> None:
        if self._waiting:
            self._waiting[0].wake.set()

    def _give_up(self, me: _Waiting) -> None:
        if me.has_place:
            self.give_back()
        else:
            self._waiting.remove(me)
            self._wake_next()

    def _renew(self) -> None:
        self.count = self._free = self._least
        self._waiting.clear()


_places: RunVar[Places] = RunVar("localrank_places")


def _loop_places() -> Places:
    """Return the places of the running event loop."""
    try:
        return _places.get()
    except LookupError:
        places = Places()
        _places.set(places)
        return places


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
        try:
            self._serve()
        except (
            BaseException
        ):  # what a debugger throws into a thread comes when it wakes, with work or without
            with suppress(ValueError):
                _idle.remove(self)
            work, self._work = self._work, None
            if work is not None:
                run_soon(work)
            raise

    def _serve(self) -> None:
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
call_after_fork(_idle.clear)


def cancel_requests() -> int:
    """Return how often the current task of asyncio was asked to end; 0 on trio."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return 0
    return 0 if task is None else task.cancelling()
