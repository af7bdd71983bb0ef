"""Packed documents that were read before, up to a size: those that were longest unused make room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from localrank.providers.forking import RenewedLock, renew_after_fork
from localrank_transformers.families.late.known.packed import PackedDocument

__all__ = ["A_DOCUMENT", "DocumentMemory"]

A_DOCUMENT = 400
"""Bytes that a document takes besides its vectors: key, entry and objects."""


class DocumentMemory:
    """Safe to use from many threads.

    Args:
        most_bytes: What all may take together.
        leave_out: Is told the bytes of each document beyond it, which is not kept.
    """

    def __init__(self, most_bytes: int, leave_out: Callable[[int], None] = lambda _bytes: None) -> None:
        self._most = most_bytes
        self._leave_out = leave_out
        self._held = 0
        self._documents: OrderedDict[bytes, PackedDocument] = OrderedDict()
        self._lock = RenewedLock()
        renew_after_fork(self, DocumentMemory._renew)

    @property
    def held_bytes(self) -> int:
        """What is held now."""
        return self._held

    def __len__(self) -> int:
        return len(self._documents)

    def find(self, keys: Sequence[bytes]) -> list[PackedDocument | None]:
        """Return the document of each key, or None; what is found counts as used."""
        documents = self._documents
        with self._lock:
            found = [documents.get(key) for key in keys]
            for key, document in zip(keys, found, strict=True):
                if document is not None:
                    documents.move_to_end(key)
        return found

    def keep(self, key: bytes, document: PackedDocument) -> None:
        """Keep a document."""
        size = _size(document)
        if size > self._most:
            self._leave_out(size)
            return
        with self._lock:
            if key in self._documents:
                return
            self._documents[key] = document
            self._held += size
            while self._held > self._most:
                self._held -= _size(self._documents.popitem(last=False)[1])

    def _renew(self) -> None:
        """In a child, count again: the parent may have been between keeping and counting."""
        self._held = sum(map(_size, self._documents.values()))


def _size(document: PackedDocument) -> int:
    return document.data.nbytes + A_DOCUMENT
