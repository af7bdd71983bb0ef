"""A circuit breaker: after several failures in a row it lets no call through for a while, then one to try."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from localrank.providers.forking import RenewedLock, renew_after_fork

__all__ = ["Breaker"]


class Breaker:
    """Closed, it lets every call through; open, none; half-open, one at a time. Safe from any thread.

    Args:
        threshold: Failures in a row that open it.
        reset_after: Seconds after which an open breaker lets one call through.
        now: A clock in seconds; only differences count.
    """

    __slots__ = (
        "__weakref__",
        "_failures",
        "_lock",
        "_now",
        "_opened_at",
        "_reset_after",
        "_threshold",
        "_trying",
    )

    def __init__(self, *, threshold: int, reset_after: float, now: Callable[[], float]) -> None:
        self._threshold = threshold
        self._reset_after = reset_after
        self._now = now
        self._lock = RenewedLock()
        self._failures = 0
        self._opened_at: float | None = None
        self._trying = False
        renew_after_fork(self, Breaker._renew)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Breaker, threshold=self._threshold, reset_after=self._reset_after, now=self._now), ()

    def lets_through(self) -> bool:
        """Return whether the next call may go; each True must be followed by one of the three outcomes below."""
        with self._lock:
            if self._opened_at is None:
                return True
            if self._trying or self._now() - self._opened_at < self._reset_after:
                return False
            self._trying = True
            return True

    def succeeded(self) -> None:
        """Note a success: the breaker closes."""
        with self._lock:
            self._failures, self._opened_at, self._trying = 0, None, False

    def failed(self) -> None:
        """Note a failure: the breaker opens at the threshold, and again at once when the trial call failed."""
        with self._lock:
            self._failures += 1
            if self._trying or self._failures >= self._threshold:
                self._opened_at = self._now()
            self._trying = False

    def ended_otherwise(self) -> None:
        """Note a call that says nothing of the model's health: aborted, cancelled or refused for its arguments."""
        with self._lock:
            self._trying = False

    def _renew(self) -> None:
        """In a child, nobody is trying: the trial call is the parent's."""
        self._trying = False
