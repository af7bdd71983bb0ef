"""A lock that a forked child does not find taken."""

from __future__ import annotations

import os
import threading
from types import TracebackType

__all__ = ["ProcessLock"]


class ProcessLock:
    """A lock of each process: what a thread of the parent holds while it forks does not exist in the child."""

    def __init__(self) -> None:
        self._locks = {os.getpid(): threading.Lock()}

    def acquire(self, timeout: float = -1) -> bool:
        """Take the lock; False where that took longer than `timeout` seconds. Below 0 there is no limit."""
        return self._own.acquire(timeout=timeout)

    def release(self) -> None:
        """Give it back."""
        self._own.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @property
    def _own(self) -> threading.Lock:
        process = os.getpid()
        known = self._locks.get(process)
        # One of two threads that find none makes it: setdefault is one step.
        return known if known is not None else self._locks.setdefault(process, threading.Lock())
