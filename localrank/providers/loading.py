"""Load once: many threads may ask, one loads, a failure is forgotten."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

__all__ = ["LoadOnce", "ShouldStop", "never"]

T = TypeVar("T")


def _never() -> bool:
    return False


class LoadOnce(Generic[T]):
    """A value that is made at the first use and kept.

    While one thread loads, the others wait for it. A caller that gives up waiting does not disturb the load as long as another
    waits; a long `load` may poll `is_unwanted` and end when none does. What `load` raises reaches every waiter's own attempt:
    each tries again, and so does the next call.

    Args:
        load: Makes the value; blocking code.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._value: T | None = None
        self._waiting: list[Callable[[], bool]] = []

    def get(self, gave_up: Callable[[], bool] = _never) -> tuple[T, float]:
        """Return the value and the milliseconds that this call waited for it.

        Args:
            gave_up: Whether the caller no longer wants the value; asked by `is_unwanted`.
        """
        value = self._value
        if value is not None:
            return value, 0.0
        started = time.perf_counter()
        self._waiting.append(gave_up)
        try:
            with self._lock:
                if self._value is None:
                    self._value = self._load()
                return self._value, (time.perf_counter() - started) * 1000
        finally:
            self._waiting.remove(gave_up)

    @property
    def is_made(self) -> bool:
        """Whether the value is there, so that `get` would not wait."""
        return self._value is not None

    def is_unwanted(self) -> bool:
        """Whether there were some who waited for the value, and all of them have given up."""
        waiting = list(self._waiting)
        return bool(waiting) and all(gave_up() for gave_up in waiting)

    def take(self) -> T | None:
        """Return the value, if there is one, and forget it; the next `get` loads again."""
        with self._lock:
            value, self._value = self._value, None
            return value


ShouldStop: TypeAlias = Callable[[], bool]
"""Polled while a file is fetched; True ends the download, which a later one continues."""


def never() -> bool:
    """Return False: nobody asks to stop."""
    return False
