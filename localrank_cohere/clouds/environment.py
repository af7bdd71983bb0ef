"""What a cloud's own library finds in the environment, kept for as long as the environment says the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

from localrank.providers.forking import RenewedLock, call_after_fork

__all__ = ["ByEnvironment"]

T = TypeVar("T")

_MOST_KEPT = 8


class ByEnvironment(Generic[T]):
    """A search that takes time, done once for every state of the environment: rerankers are made by the request.

    What was found is not taken along into a child process, since locks in it may be held by threads that stay behind.

    Args:
        prefixes: Of the variables that the search reads.
        find: Searches; called in a thread, with the name asked for, such as a profile's.
    """

    def __init__(self, prefixes: tuple[str, ...], find: Callable[[str | None], T]) -> None:
        self._prefixes = prefixes
        self._find = find
        self._kept: dict[tuple[object, ...], T] = {}
        self._lock = RenewedLock()
        call_after_fork(self.forget)

    def __call__(self, name: str | None = None) -> T:
        """Return what there is for `name` now; blocks while it searches."""
        state = tuple(sorted(pair for pair in os.environ.items() if pair[0].startswith(self._prefixes)))
        with self._lock:
            found = self._kept.get((name, state))
            if found is None:
                found = self._find(name)
                while len(self._kept) >= _MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[name, state] = found
            return found

    def forget(self) -> None:
        """Search anew the next time: what was found may have expired."""
        self._kept.clear()
