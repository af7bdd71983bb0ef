"""Token vectors of documents that were read before, up to a size: those that were longest unused make room."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from typing import Any

import numpy.typing as npt

from localrank.providers.forking import RenewedLock, renew_after_fork

__all__ = ["DocumentVectors"]


class DocumentVectors:
    """Safe to use from many threads. Vectors are kept as they were computed, so a score has the same bits with them.

    Args:
        most_bytes: What vectors and token ids may take together; a document beyond it is not kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held = 0
        self._vectors: OrderedDict[bytes, npt.NDArray[Any]] = OrderedDict()
        self._lock = RenewedLock()
        renew_after_fork(self, DocumentVectors._renew)

    @property
    def held_bytes(self) -> int:
        """What is held now."""
        return self._held

    def has(self, ids: array[int]) -> bool:
        """Return whether the vectors of a document are kept; it does not count as a use."""
        with self._lock:
            return ids.tobytes() in self._vectors

    def get(self, ids: array[int]) -> npt.NDArray[Any] | None:
        """Return the vectors of a document's tokens, shape (tokens, dimensions), or None."""
        key = ids.tobytes()
        with self._lock:
            vectors = self._vectors.get(key)
            if vectors is not None:
                self._vectors.move_to_end(key)
            return vectors

    def keep(self, ids: array[int], vectors: npt.NDArray[Any]) -> None:
        """Keep a copy of the vectors: what a run computes belongs to all its documents."""
        key = ids.tobytes()
        size = len(key) + vectors.nbytes
        if size > self._most:
            return
        own = vectors.copy()
        with self._lock:
            if key in self._vectors:
                return
            self._vectors[key] = own
            self._held += size
            while self._held > self._most:
                old, least_used = self._vectors.popitem(last=False)
                self._held -= len(old) + least_used.nbytes

    def _renew(self) -> None:
        """In a child, count again: the parent may have been between keeping and counting."""
        self._held = sum(len(key) + vectors.nbytes for key, vectors in self._vectors.items())
