"""The check of a long list in a thread, so that the event loop stays free and a limit on time counts from the first moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from localrank.calling.guard import run_guarded
from localrank.calling.retry import timed_out
from localrank.contract.cancellation import AbortToken
from localrank.contract.errors import RerankAbortedError
from localrank.providers.worker import run_in_thread

if TYPE_CHECKING:
    from localrank.calling.checks import Request

__all__ = ["checked_beside", "is_long"]

D = TypeVar("D")

_LONG = 2_000
"""Documents whose check takes longer than a hop to a thread, by far."""

_SHARE = 0.5
"""Of a deadline, what reading the documents may take; the rest is for scoring what was read."""


class _Check(Protocol[D]):
    def __call__(self, *, should_stop: Callable[[], bool]) -> Request[D]: ...


def is_long(documents: Any) -> bool:
    """Whether there are so many documents that the event loop should not wait for their check."""
    return type(documents) in {list, tuple} and len(documents) > _LONG


async def checked_beside(
    check: _Check[D], *, abort_event: AbortToken | None, timeout: float | None, deadline: float | None
) -> Request[D]:
    """Return the request that `check` makes, in a thread; limits that are none are left to it to refuse.

    Raises:
        InvalidRequestError: See `check_request`.
        RerankAbortedError: The token was set meanwhile.
        RerankTimeoutError: `timeout` passed meanwhile.
    """
    started = time.perf_counter()
    is_left = False
    share = _SHARE * deadline if deadline is not None and _is_time(deadline) else None

    def should_stop() -> bool:
        return is_left or (share is not None and time.perf_counter() - started >= share)

    def leave() -> None:
        nonlocal is_left
        is_left = True

    outcome = await run_guarded(
        lambda: run_in_thread(lambda: check(should_stop=should_stop), stop=leave),
        abort_event=abort_event if callable(getattr(abort_event, "is_set", None)) else None,
        seconds=timeout if _is_time(timeout) else None,
    )
    if outcome.error is not None:
        raise outcome.error
    if outcome.value is not None:
        return outcome.value
    if outcome.stopped == "aborted":
        raise RerankAbortedError(phase="before_start")
    raise timed_out(timeout or 0.0)


def _is_time(seconds: Any) -> bool:
    return isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds > 0
