"""What a user lets a model keep of documents, in memory and in a `DocumentStore`; numpy and SQLite are not imported for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from localrank.contract.types import RerankWarning
from localrank.providers.annotations import check_types
from localrank.providers.arguments import check_choice, check_count, check_path
from localrank.providers.forking import RenewedLock

if TYPE_CHECKING:
    from localrank_transformers.families.late.known.disk.index import StoreFacts
    from localrank_transformers.families.late.known.disk.store import OpenStore
    from localrank_transformers.families.late.known.documents import KnownDocuments

__all__ = ["DocumentStore", "Keeping", "Setting"]

_LEAST_MB = 8

_MB = 1_000_000

Setting: TypeAlias = Literal["full", "small"]
"""How a store keeps vectors: every number in seven bits, or its sign."""

_SMALL: Setting = "small"


class DocumentStore:
    """Keep what a late-interaction model reads of documents in a folder: `OnnxReranker(document_store=DocumentStore(path))`.

    A text that any process has read before is found by a hash of it, and its vectors are compared where they lie in the mapped
    file. Any number of processes and threads of one machine may use the folder at once; the index is SQLite's. A store holds
    the vectors of one model with one window, and refuses another one's. What is damaged is read anew. Documents that were
    longest unused make room, a 32nd of the store at a time. Where nothing can be written, what it has is found, and nothing
    is kept.

    Args:
        path: A folder; it is made when the first model uses it. A relative one is of where the process is now.
        max_mb: Megabytes that it may take on the disk, at least 8. The store remembers it: None means what it was made with,
            and 10,000 for a new one.
        vectors: `"full"`, or `"small"`, which takes an eighth of the room and changes the order a little
            (docs/decisions/0032): a model with such a store scores every document so, known or new. None means as the store
            was made, and full for a new one.

    Raises:
        InvalidRequestError: `max_mb` or `vectors` has no meaning.
    """

    def __init__(
        self, path: str | Path, *, max_mb: int | None = None, vectors: Setting | None = None
    ) -> None:
        check_types(locals(), DocumentStore.__init__)
        self.max_mb = check_count("max_mb", max_mb, least=_LEAST_MB)
        check_choice("vectors", vectors, (None, *get_args(Setting)))
        self.path = check_path("path", path).absolute()
        self.vectors = vectors
        self._opened: OpenStore | None = None
        self._lock = RenewedLock()

    def __repr__(self) -> str:
        return f"DocumentStore({str(self.path)!r}, max_mb={self.max_mb}, vectors={self.vectors!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(DocumentStore, self.path, max_mb=self.max_mb, vectors=self.vectors), ()

    @property
    def opened(self) -> OpenStore:
        """The store in use."""
        from localrank_transformers.families.late.known.disk.store import OpenStore  # noqa: PLC0415  # SQLite and numpy

        with self._lock:
            if self._opened is None:
                self._opened = OpenStore(self.path, self.max_mb, self.vectors)
            return self._opened

    def facts(self) -> StoreFacts:
        """Return what it holds.

        Raises:
            ModelLoadError: There is no store, or it is damaged.
        """
        return self.opened.facts()

    def compact(self) -> None:
        """Move the documents of files that are half empty together, and give their room back.

        Raises:
            ModelLoadError: There is no store, or it is damaged.
        """
        self.opened.compact()

    def clear(self) -> None:
        """Remove all documents; another model may have the store then.

        Raises:
            ModelLoadError: There is no store, or it is damaged.
        """
        self.opened.clear()

    def close(self) -> None:
        """Close its files; the next use opens them again."""
        if self._opened is not None:
            self._opened.close()


@dataclass(slots=True, eq=False, repr=False)
class Keeping:
    """What was asked for, and what of it could not be had.

    Attributes:
        cache_mb: Megabytes of memory between calls; None for none.
        store: On disk; None for none.
        model: What people call the model.
    """

    cache_mb: int | None = None
    store: DocumentStore | None = None
    model: str = ""
    _left_out: int = 0
    _is_told: bool = False

    def __post_init__(self) -> None:
        check_count("document_cache_mb", self.cache_mb)

    def __bool__(self) -> bool:
        return self.cache_mb is not None or self.store is not None

    @property
    def named(self) -> str:
        """The argument that asks for it, with its value."""
        return (
            f"document_cache_mb is {self.cache_mb}"
            if self.store is None
            else f"document_store is {str(self.store.path)!r}"
        )

    @property
    def fingerprint(self) -> str:
        """What a score depends on of it: how vectors are kept."""
        if not self:
            return ""
        return ":full" if self.store is None else f":{self.store.opened.vectors()}"

    def open(self, identity: bytes) -> KnownDocuments | None:
        """Return what is known of documents under `identity`; None where nothing is to be kept.

        Raises:
            ModelLoadError: The store is another model's, or cannot be used.
        """
        if not self:
            return None
        # Settings are made before numpy is imported.
        from localrank_transformers.families.late.known.documents import KnownDocuments  # noqa: PLC0415
        from localrank_transformers.families.late.known.memory import DocumentMemory  # noqa: PLC0415

        memory = None if self.cache_mb is None else DocumentMemory(self.cache_mb * _MB, self._leave_out)
        if self.store is None:
            return KnownDocuments(identity, memory)
        if self.store.opened.open(identity, self.model) == _SMALL:
            return KnownDocuments(
                blake2b(identity + _SMALL.encode()).digest(), memory, self.store.opened, bits=1
            )
        return KnownDocuments(identity, memory, self.store.opened)

    def _leave_out(self, size: int) -> None:
        self._left_out = max(self._left_out, size)

    def warnings(self) -> list[RerankWarning]:
        """Return what the store tells, or without one once that the memory is smaller than a document; see `LocalReranker`."""
        if self.store is not None:
            return self.store.opened.warnings()
        if self._is_told or not self._left_out:
            return []
        self._is_told = True
        size = self._left_out / _MB
        message = (
            f"document_cache_mb={self.cache_mb} keeps no document whose vectors take more: one of {size:.1f} MB is read again "
            f"each time. Pass document_cache_mb={math.ceil(size)} or more, or shorter documents."
        )
        return [RerankWarning("document_cache", message, feature="document_cache_mb")]
