"""Load once: many threads may ask, one loads, a failure is forgotten."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from localrank.contract.errors import ModelLoadError
from localrank.providers.forking import (
    RenewedLock,
    half_imported,
    hold_off_forks,
    leave_behind,
    let_forks_through,
    renew_after_fork,
    was_cut_short,
)

__all__ = ["LoadOnce", "ShouldStop", "never"]

T = TypeVar("T")


ShouldStop: TypeAlias = Callable[[], bool]
"""Polled while a file is fetched; True ends the download, which a later one continues."""


def never() -> bool:
    """Return False: nobody asks to stop."""
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
        self._lock = RenewedLock()
        self._value: T | None = None
        self._loading: threading.Event | None = None
        self._waiting: list[Callable[[], bool]] = []
        renew_after_fork(self, LoadOnce._renew)

    def get(self, gave_up: Callable[[], bool] = never) -> tuple[T, float]:
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
            return self._awaited(), (time.perf_counter() - started) * 1000
        finally:
            self._waiting.remove(gave_up)

    def _awaited(self) -> T:
        """Load, or wait for the thread that does and try again. No lock is held meanwhile, which a fork could cut off."""
        while True:
            with self._lock:
                if self._value is not None:
                    return self._value
                loading, mine = self._loading, threading.Event()
                if loading is None:
                    self._loading = mine
            if loading is None:
                return self._load_now(mine)
            loading.wait()

    def _load_now(self, ended: threading.Event) -> T:
        value: T | None = None
        try:
            _refuse_half_imports()
            with hold_off_forks():
                value = self._load()
            return value
        finally:
            with self._lock:
                self._value, self._loading = value, None
            ended.set()

    @property
    def is_made(self) -> bool:
        """Whether the value is there, so that `get` would not wait."""
        return self._value is not None

    def is_unwanted(self) -> bool:
        """Whether there were some who waited for the value, and all of them have given up."""
        let_forks_through()
        waiting = list(self._waiting)
        return bool(waiting) and all(gave_up() for gave_up in waiting)

    def take(self) -> T | None:
        """Return the value, once it is made if it is being made, and forget it; the next `get` loads again."""
        while True:
            with self._lock:
                loading = self._loading
                if loading is None:
                    value, self._value = self._value, None
                    return value
            loading.wait()

    def _renew(self) -> None:
        """In a child, nobody waits and nobody loads; what threads of the parent were using may be locked inside."""
        self._loading, self._waiting = None, []
        if was_cut_short():
            leave_behind(self._value)
            self._value = None


def _refuse_half_imports() -> None:
    broken = half_imported()
    if broken:
        raise ModelLoadError(
            f"This process was forked while another thread was importing {broken[0]}: it cannot be imported here.",
            hint="Fork before the model is loaded or after it, or use the start method spawn or forkserver.",
        )
