"""What ends a call early: the caller's token, a cancelled task, the deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localrank.contract.cancellation import AbortToken

__all__ = ["OutOfMemoryError", "StoppedError", "Watch"]

STOP_BEFORE_DEADLINE_S, STOP_BEFORE_DEADLINE = 0.02, 0.1
"""Time to end what is running and sort what there is, at most this share of the deadline: on a busy machine a thread waits some
milliseconds for its turn, and an answer that comes too late is lost."""


S_A_LOGIT, S_AN_ENTRY = 2e-6, 12e-6
"""What a document takes after it was scored: a score among which the best are found, and for these an entry that is checked and
becomes a `RankedDocument`. Twice what an idle machine needs, since an answer that comes too late is lost."""


class StoppedError(Exception):
    """A forward pass was left between two layers; the call decides what that means."""


class OutOfMemoryError(Exception):
    """The device has too little memory for a batch."""


class Watch:
    """When a call is to stop.

    Args:
        abort_event: The caller's token.
        deadline: Seconds from now, or None.

    Attributes:
        on_stop: Called by `stop`, to end what is running; None while nothing is.
    """

    def __init__(self, abort_event: AbortToken | None, deadline: float | None) -> None:
        self._abort_event = abort_event
        self._is_stopped = False
        self.on_stop: Callable[[], None] | None = None
        self._started = time.perf_counter()
        self._end: float | None = None
        if deadline is not None:
            early = min(STOP_BEFORE_DEADLINE_S, STOP_BEFORE_DEADLINE * deadline)
            self._end = self._started + deadline - early
        self._answering_s = 0.0

    def expect(self, scored: int, top_k: int | None) -> None:
        """Stop so much earlier as the answer takes to make.

        Args:
            scored: Documents that have a logit.
            top_k: How many of them have an entry; None means all.
        """
        self._answering_s = scored * S_A_LOGIT + min(scored, top_k or scored) * S_AN_ENTRY

    def stop(self) -> None:
        """Make the call end soon; called from the event loop when its task is cancelled."""
        self._is_stopped = True
        on_stop = self.on_stop
        if on_stop is not None:
            on_stop()

    def is_aborted(self) -> bool:
        """Return whether the token is set or the task was cancelled, so that nobody waits for the ranking."""
        return self._is_stopped or (self._abort_event is not None and self._abort_event.is_set())

    def should_stop(self) -> bool:
        """Return whether the call is aborted or the deadline has passed."""
        return self.is_aborted() or self.is_late()

    def is_late(self) -> bool:
        """Return whether the deadline has passed."""
        return self._end is not None and time.perf_counter() >= self._end - self._answering_s

    def elapsed_ms(self) -> float:
        """Return the milliseconds since the call began."""
        return (time.perf_counter() - self._started) * 1000
