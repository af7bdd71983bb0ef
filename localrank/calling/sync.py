"""`rerank_sync`: the same call for code without async, on one event loop in a thread of its own.

The loop lives as long as the process, so pooled connections of a remote model serve the next call too, and it works beside a
loop that is already running, as in a notebook.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import anyio
from anyio.abc import TaskGroup
from anyio.from_thread import run_sync
from anyio.lowlevel import EventLoopToken, checkpoint_if_cancelled, current_token

from localrank.calling.checks import FirstStageScores
from localrank.calling.rerank import rerank
from localrank.calling.retry import RetryPolicy
from localrank.calling.texts import TextOf
from localrank.contract.cancellation import AbortToken
from localrank.contract.errors import InferenceError
from localrank.contract.events import CallEnded, CallFailed, CallProgress, CallStarted, Hook
from localrank.contract.model import AnyReranker
from localrank.contract.types import RerankResult
from localrank.providers.beside import begin, start
from localrank.providers.forking import RenewedLock, call_after_fork, hold_off_forks

__all__ = ["rerank_sync", "run_blocking"]

D = TypeVar("D")
T = TypeVar("T")

EXIT_GRACE_S = 0.3
"""How long the interpreter waits at its end for the loop to close what is open."""

_END_POLL_S = 0.001

_shared_loop_waits: ContextVar[bool] = ContextVar("localrank_shared_loop_waits", default=False)


def rerank_sync(
    model: AnyReranker | str,
    query: str,
    documents: Sequence[D],
    top_k: int | None = None,
    abort_event: AbortToken | None = None,
    *,
    min_score: float | None = None,
    text: TextOf | None = None,
    instruction: str | None = None,
    max_retries: int | None = None,
    retry: RetryPolicy | None = None,
    timeout: float | None = None,
    headers: Mapping[str, str] | None = None,
    provider_options: Mapping[str, Mapping[str, Any]] | None = None,
    first_stage_scores: FirstStageScores | None = None,
    deadline: float | None = None,
    on_start: Hook[CallStarted] | None = None,
    on_end: Hook[CallEnded] | None = None,
    on_error: Hook[CallFailed] | None = None,
    on_progress: Hook[CallProgress] | None = None,
) -> RerankResult[D]:
    """Rank `documents` and wait for the answer: `rerank` with the same arguments, results and errors.

    It may be called from many threads at once, and while an event loop runs in the calling thread (which it then blocks: in
    async code, await `rerank`). Hooks run in localrank's own thread.
    """
    return run_blocking(
        partial(
            rerank,
            model,
            query,
            documents,
            top_k,
            abort_event,
            min_score=min_score,
            text=text,
            instruction=instruction,
            max_retries=max_retries,
            retry=retry,
            timeout=timeout,
            headers=headers,
            provider_options=provider_options,
            first_stage_scores=first_stage_scores,
            deadline=deadline,
            on_start=on_start,
            on_end=on_end,
            on_error=on_error,
            on_progress=on_progress,
        )
    )


def run_blocking(function: Callable[[], Awaitable[T]]) -> T:
    """Await `function()` on the shared loop and return its result; Ctrl-C cancels it.

    A call from that loop's own thread (an async reranker that calls `rerank_sync`) gets a loop of its own instead, since the
    shared one cannot wait for itself; and so does every call inside that one, since the shared loop waits for it.

    Raises:
        InferenceError: No loop could be started, for want of threads or file descriptors; the next call tries again.
    """
    if _shared_loop_waits.get():
        return _run_beside(function)
    loop = _shared_loop()
    if loop is None or loop.is_of_this_thread:
        return _run_beside(function)
    try:
        return loop.call(function)
    except _NotBegunError:  # somebody ended that loop just now
        return _run_beside(function)


class _NotBegunError(Exception):
    """A call did not begin, since its loop takes no more."""


class _Call(Generic[T]):
    """One call on the loop. Its error is carried past the loop, which one that ends programs would end for all."""

    def __init__(self, function: Callable[[], Awaitable[T]]) -> None:
        self.done: Future[T] = Future()
        self._function = function
        self._has_begun = False
        self._scope: anyio.CancelScope | None = None

    async def run(self) -> None:
        with suppress(InvalidStateError):  # the caller was told something else meanwhile
            try:
                await checkpoint_if_cancelled()
                self._has_begun = True
                with anyio.CancelScope() as self._scope:
                    self.done.set_result(await self._function())
            except anyio.get_cancelled_exc_class():
                self.release()
                raise
            except BaseException as error:
                self.done.set_exception(error)

    def release(self) -> None:
        """Raise for the caller what became of a call whose loop has ended."""
        self.done.set_exception(_ended() if self._has_begun else _NotBegunError())

    def cancel(self) -> None:
        """Cancel, in the loop's thread, what `run` has begun."""
        if self._scope is not None:
            self._scope.cancel()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Running:
    """What a running loop is reached by."""

    token: EventLoopToken
    group: TaskGroup


class _Loop:
    """The loop, its thread, and the calls that run on it."""

    def __init__(self) -> None:
        self._running: Future[_Running] = Future()
        self._thread = threading.Thread(target=self._run, name="localrank-sync", daemon=True)
        self._calls: set[_Call[Any]] = set()

    def begin(self) -> None:
        """Start the thread and wait for the loop; what goes wrong is raised for all who wait for it."""
        with hold_off_forks():  # it imports its backend
            try:
                start(self._thread)
            except InferenceError as error:
                self._running.set_exception(error)
            self._running.exception()

    @property
    def is_of_this_thread(self) -> bool:
        return threading.current_thread() is self._thread

    @property
    def has_ended(self) -> bool:
        return self._running.done() and not self._thread.is_alive()

    def call(self, function: Callable[[], Awaitable[T]]) -> T:
        """Await `function()` on the loop."""
        running = self._running.result()
        call = _Call(function)
        self._calls.add(call)
        try:
            self._begin_call(running, call)
            return call.done.result()
        except BaseException:
            _stand_still_at_the_end()
            if not call.done.done():
                with suppress(RuntimeError):  # the loop has ended
                    run_sync(call.cancel, token=running.token)
            raise
        finally:
            self._calls.discard(call)

    def stop(self, seconds: float) -> None:
        """Cancel what runs, close what is open, and wait up to `seconds` for the end."""
        last = time.monotonic() + seconds
        with suppress(Exception):  # it never began, or has ended already
            running = self._running.result(seconds)
            begin(
                lambda: run_sync(running.group.cancel_scope.cancel, token=running.token),
                name="localrank-sync-end",
                daemon=True,
            )
        while self._thread.is_alive() and time.monotonic() < last:
            time.sleep(_END_POLL_S)

    def _begin_call(self, running: _Running, call: _Call[T]) -> None:
        try:
            run_sync(running.group.start_soon, call.run, token=running.token)
        except RuntimeError:
            raise _NotBegunError from None

    def _run(self) -> None:
        try:
            anyio.run(self._serve)
        except BaseException as error:
            if not self._running.done():
                self._running.set_exception(_no_loop(error))
        finally:
            self._release_callers()

    async def _serve(self) -> None:
        async with anyio.create_task_group() as group:
            self._running.set_result(_Running(current_token(), group))
            await anyio.sleep_forever()

    def _release_callers(self) -> None:
        """Raise for the callers of a loop that ended beneath them; nobody else would."""
        for call in list(self._calls):
            with suppress(InvalidStateError):
                call.release()


_lock = RenewedLock()
_shared: _Loop | None = None
_has_ended = False


def _shared_loop() -> _Loop | None:
    """Return the shared loop, begun where there is none; None once the program ends."""
    global _shared
    loop = _shared
    if loop is not None and not loop.has_ended and not _has_ended:
        return loop
    with _lock:
        if _has_ended:
            return None
        loop = _shared
        is_new = loop is None or loop.has_ended
        if loop is None or is_new:
            loop = _shared = _Loop()
    if is_new:
        loop.begin()
    return loop


def _stand_still_at_the_end() -> None:
    """Keep a daemon thread from reporting, while the interpreter ends, that its call was cut off."""
    if _has_ended and threading.current_thread().daemon:
        threading.Event().wait()


def _ended() -> InferenceError:
    return InferenceError("The event loop of rerank_sync was ended beneath this call.", hint="Call again.")


def _no_loop(error: BaseException) -> InferenceError:
    failure = InferenceError(
        f"No event loop could be started for rerank_sync: {type(error).__name__}: {error}.",
        hint="Raise the limit of open files (`ulimit -n`), or close some; then call again.",
    )
    failure.__cause__ = error
    return failure


def _run_beside(function: Callable[[], Awaitable[T]]) -> T:
    def run() -> T:
        _shared_loop_waits.set(True)
        return anyio.run(function)

    return begin(run, name="localrank-sync-nested", daemon=True).result()


def _end_with_process() -> None:
    """End the loop before the interpreter is taken apart; later calls, of other exit handlers, get loops of their own."""
    global _has_ended
    with _lock:
        loop, _has_ended = _shared, True
    if loop is not None:
        loop.stop(EXIT_GRACE_S)


def _forget() -> None:
    global _shared
    _shared = None


atexit.register(_end_with_process)
call_after_fork(_forget)
