"""Cached scores in this process's memory, the least recently used dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from localrank.compose.stores.process_lock import ProcessLock
from localrank.compose.stores.scores import CachedScore
from localrank.compose.wrapping.wrapper import refuse
from localrank.providers.annotations import check_types

__all__ = ["MemoryStore"]


class MemoryStore:
    """Keeps at most `max_entries` scores, about 200 bytes each.

    Raises:
        InvalidRequestError: `max_entries` is below 1.
    """

    blocking = False

    def __init__(self, max_entries: int = 100_000) -> None:
        check_types(locals(), MemoryStore.__init__)
        if max_entries < 1:
            raise refuse(f"max_entries is {max_entries!r}.", "Pass an integer of at least 1.")
        self.max_entries = max_entries
        self._scores: OrderedDict[bytes, CachedScore] = OrderedDict()
        self._lock = ProcessLock()

    def __reduce__(self) -> tuple[Any, ...]:
        return MemoryStore, (self.max_entries,)

    def __len__(self) -> int:
        return len(self._scores)

    def get_many(self, keys: Sequence[bytes]) -> list[CachedScore | None]:
        """Return what is kept for each key, and count it as used."""
        known = self._scores
        with self._lock:
            found = [known.get(key) for key in keys]
            for key, score in zip(keys, found, strict=True):
                if score is not None:
                    known.move_to_end(key)
        return found

    def put_many(self, scores: Mapping[bytes, CachedScore]) -> None:
        """Keep `scores`."""
        with self._lock:
            for key, score in scores.items():
                self._scores[key] = score
                self._scores.move_to_end(key)
            while len(self._scores) > self.max_entries:
                self._scores.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._scores.clear()

    def close(self) -> None:
        """Do nothing: another wrapper may share the scores."""
