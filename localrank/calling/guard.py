"""Run one piece of work that an abort token, a timeout or a deadline can stop at any moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import anyio

from localrank.contract.cancellation import POLL_INTERVAL_S, AbortToken
from localrank.providers.beside import ENDS_PROGRAMS, ending_error, is_main_thread
from localrank.providers.cancelled import pass_cancellation, raise_what_ends_programs
from localrank.providers.worker import cancel_requests

__all__ = ["Outcome", "run_guarded"]

T = TypeVar("T")

StopReason = Literal["aborted", "time"]


@dataclass(slots=True, eq=False, repr=False)
class Outcome(Generic[T]):
    """How guarded work ended: with a value, with an error, or stopped for a reason, whatever it raised on its way out.

    `token_error` is what the token raised; `run_guarded` raises it.
    """

    value: T | None = None
    error: Exception | None = None
    stopped: StopReason | None = None
    token_error: Exception | None = None


async def run_guarded(
    work: Callable[[], Awaitable[T]],
    *,
    abort_event: AbortToken | None,
    seconds: float | None,
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> Outcome[T]:
    """Await `work` and say how it ended. The host's own cancellation passes through unchanged, as does what the token raises.

    Args:
        work: Cancelled when the token is set or the time is over.
        abort_event: Looked at every 5 ms.
        seconds: The time that `work` has.
        beside: Runs next to `work` and is cancelled with it.
    """
    outcome: Outcome[T] = Outcome()
    before = cancel_requests()
    try:
        with anyio.move_on_after(seconds) as scope:
            if abort_event is None and beside is None:
                await _record(work, outcome)
            else:
                await _record_beside(work, outcome, abort_event, beside)
    except ExceptionGroup as grouped:  # of trio, where an error stood beside the cancellation
        outcome.error = outcome.error or grouped
    except BaseExceptionGroup as grouped:
        raise_what_ends_programs(grouped)
        await pass_cancellation(before)
        if len(grouped.exceptions) > 1:
            raise
        raise grouped.exceptions[0] from None
    if outcome.error is not None:
        await pass_cancellation(before)
    if outcome.token_error is not None:
        raise outcome.token_error
    if scope.cancel_called and outcome.value is None:
        outcome.stopped = outcome.stopped or "time"
    return outcome


async def _record_beside(
    work: Callable[[], Awaitable[T]],
    outcome: Outcome[T],
    abort_event: AbortToken | None,
    beside: Callable[[], Coroutine[Any, Any, None]] | None,
) -> None:
    async with anyio.create_task_group() as group:
        if abort_event is not None:
            group.start_soon(_watch, abort_event, group.cancel_scope, outcome)
        if beside is not None:
            group.start_soon(beside)
        await _record(work, outcome)
        group.cancel_scope.cancel()


async def _record(work: Callable[[], Awaitable[T]], outcome: Outcome[T]) -> None:
    try:
        outcome.value = await work()
    except Exception as error:
        outcome.error = error


async def _watch(token: AbortToken, scope: anyio.CancelScope, outcome: Outcome[T]) -> None:
    try:
        while not token.is_set():
            await anyio.sleep(POLL_INTERVAL_S)
    except ENDS_PROGRAMS as error:  # here it would end the loop that other calls share
        if is_main_thread():
            raise
        outcome.token_error = ending_error(error, "abort_event.is_set()")
        outcome.token_error.__cause__ = error
    except Exception as error:
        outcome.token_error = error
    else:
        outcome.stopped = "aborted"
    scope.cancel()
