"""What ends a call early: the caller's token, a cancelled task, the deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

from localrank.contract.cancellation import AbortToken, LinkedToken

__all__ = ["OutOfMemoryError", "StoppedError", "Watch"]

STOP_BEFORE_DEADLINE_S = 0.005
"""Time to end what is running and sort what there is."""


class StoppedError(Exception):
    """A forward pass was left between two layers; the call decides what that means."""


class OutOfMemoryError(Exception):
    """The device had no room for a batch."""


class Watch:
    """When a call is to stop.

    Args:
        abort_event: The caller's token.
        deadline: Seconds from now, or None.

    Attributes:
        on_stop: Called by `stop`, to end what is running; None while nothing is.
    """

    def __init__(self, abort_event: AbortToken | None, deadline: float | None) -> None:
        self.token = LinkedToken(abort_event)
        self.on_stop: Callable[[], None] | None = None
        self._started = time.perf_counter()
        self._end = None if deadline is None else self._started + deadline - STOP_BEFORE_DEADLINE_S

    def stop(self) -> None:
        """Make the call end soon; called from the event loop when its task is cancelled."""
        self.token.set()
        on_stop = self.on_stop
        if on_stop is not None:
            on_stop()

    def should_stop(self) -> bool:
        """Return whether the token is set or the deadline has passed."""
        return self.token.is_set() or self.is_late()

    def is_late(self) -> bool:
        """Return whether the deadline has passed."""
        return self._end is not None and time.perf_counter() >= self._end

    def elapsed_ms(self) -> float:
        """Return the milliseconds since the call began."""
        return (time.perf_counter() - self._started) * 1000
