"""A gate that lets calls through in the order they came, so many at once and so many a time. Safe from any thread and loop."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from localrank.providers.forking import RenewedLock, renew_after_fork

__all__ = ["Gate"]


class Gate:
    """Counts the calls inside, the calls a second and the tokens a minute; waiting itself is the caller's.

    A call takes a ticket with `queue`, tries `enter` until it gets 0.0, and ends with `leave`, whatever happened. A call that
    gives up while waiting calls `leave` too.

    Args:
        rate: Calls a second, evenly spaced; None means no limit.
        concurrency: Calls inside at once; None means no limit.
        tokens_per_minute: The size of a bucket of tokens that fills up evenly within a minute; None means no limit. A call
            larger than the bucket goes when the bucket is full, and leaves a debt.
        now: A clock in seconds; only differences count.
    """

    def __init__(
        self,
        *,
        rate: float | None,
        concurrency: int | None,
        tokens_per_minute: float | None,
        now: Callable[[], float],
    ) -> None:
        self._rate, self._concurrency, self._tokens_per_minute = rate, concurrency, tokens_per_minute
        self._now = now
        self._lock = RenewedLock()
        self._waiting: OrderedDict[object, None] = OrderedDict()
        self._inside: set[object] = set()
        self._not_before = float("-inf")
        self._bucket = tokens_per_minute or 0.0
        self._filled_at = now()
        renew_after_fork(self, Gate._renew)

    def __reduce__(self) -> tuple[Any, ...]:
        made = partial(
            Gate,
            rate=self._rate,
            concurrency=self._concurrency,
            tokens_per_minute=self._tokens_per_minute,
            now=self._now,
        )
        return made, ()

    def queue(self) -> object:
        """Return a ticket behind all that wait."""
        ticket = object()
        with self._lock:
            self._waiting[ticket] = None
        return ticket

    def enter(self, ticket: object, tokens: float) -> float | None:
        """Return 0.0 if the call may go, the seconds until it may, or None while it waits for others to go or to leave.

        Args:
            ticket: From `queue`.
            tokens: About how many tokens the call will cost.
        """
        with self._lock:
            if next(iter(self._waiting)) is not ticket:
                return None
            if self._concurrency is not None and len(self._inside) >= self._concurrency:
                return None
            wait = max(self._not_before - self._now(), self._until_filled(tokens), 0.0)
            if wait > 0:
                return wait
            del self._waiting[ticket]
            self._inside.add(ticket)
            self._bucket -= tokens
            if self._rate is not None:
                self._not_before = max(self._not_before, self._now()) + 1 / self._rate
            return 0.0

    def leave(self, ticket: object, *, correction: float = 0.0) -> None:
        """Give the place back.

        Args:
            ticket: From `queue`.
            correction: How many more tokens the call took than `enter` was told.
        """
        with self._lock:
            self._waiting.pop(ticket, None)
            self._inside.discard(ticket)
            self._bucket -= correction

    def hold(self, seconds: float) -> None:
        """Let no call through for `seconds`: the server asked for it."""
        with self._lock:
            self._not_before = max(self._not_before, self._now() + seconds)

    def _renew(self) -> None:
        """In a child, nobody waits or is inside: their threads are the parent's."""
        self._waiting.clear()
        self._inside.clear()

    def _until_filled(self, tokens: float) -> float:
        if self._tokens_per_minute is None:
            return 0.0
        now, a_second = self._now(), self._tokens_per_minute / 60
        grown = self._bucket + (now - self._filled_at) * a_second
        self._bucket, self._filled_at = min(self._tokens_per_minute, grown), now
        return (min(tokens, self._tokens_per_minute) - self._bucket) / a_second
