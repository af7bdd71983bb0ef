"""A store of documents in use: one model's, found by their keys, bounded; it remembers how it was made."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from localrank.contract.errors import ModelLoadError
from localrank.contract.types import RerankWarning
from localrank.providers.forking import RenewedLock, leave_behind, renew_after_fork
from localrank_transformers.families.late.known.disk.faults import FAULTS, is_read_only, unusable
from localrank_transformers.families.late.known.disk.index import INDEX_FILE, Place, StoreFacts, StoreIndex
from localrank_transformers.families.late.known.disk.segments import Located, disk_bytes
from localrank_transformers.families.late.known.disk.writing import Bounds, Writing
from localrank_transformers.families.late.known.packed import PackedDocument

__all__ = ["OpenStore"]

_DEFAULT_MB, _DEFAULT_VECTORS = 10_000, "full"
"""Of a store that says nothing else, as older versions made them."""

_VECTORS = ("full", "small")

_LOOK_S = 5.0
"""How often it is looked which segments are gone, and noted which ones are used."""


class OpenStore:
    """A store in use by this process; see `DocumentStore`.

    Args:
        path: The folder.
        max_mb: Megabytes that it may take; None for what it says itself.
        vectors: How it keeps them; None likewise.
    """

    def __init__(self, path: Path, max_mb: int | None, vectors: str | None = None) -> None:
        self.path = path
        self.max_mb = max_mb or _DEFAULT_MB
        self._asked_mb = max_mb
        self._asked_vectors = vectors
        self._is_told_full = self._is_told_large = False
        self._lock = RenewedLock()
        self._identity: bytes | None = None
        self._model = ""
        self._begin()
        renew_after_fork(self, OpenStore._renew)

    def _begin(self) -> None:
        self._index: StoreIndex | None = None
        self._looked = time.monotonic()
        self._located = Located(self.path)
        self._writing = Writing(self.path, self._located)
        self._not_kept: str | None = None
        self._file: tuple[int, int] | None = None
        self._is_told = self._is_doubted = False

    def open(self, identity: bytes, model: str) -> str:
        """Open the store for a model, and return how it keeps vectors; a new one becomes the model's own.

        Nothing is written where nothing changes, so that who only reads waits for nobody.

        Args:
            identity: What its vectors depend on besides the text.
            model: What people call it.

        Raises:
            ModelLoadError: The store is another model's, keeps vectors otherwise, is damaged, or cannot be made.
        """
        with self._used() as index:
            if index.fact("identity") is None:
                with index.writing():
                    self._begin_facts(index, identity, model)
            is_its_own = index.fact("identity") == identity
            whose, kept = _text(index.fact("model")), _kept(index)
            if is_its_own and self._asked_vectors in (None, kept):
                self._bound(index)
        if not is_its_own:
            raise ModelLoadError(
                f"The store {self.path} holds vectors of another model: {whose}, not {model}; or its window or files "
                "differ, or another version of localrank read its texts in another way.",
                hint="Give each model a folder of its own, or empty it: localrank store clear PATH",
            )
        if self._asked_vectors not in (None, kept):
            raise ModelLoadError(
                f"The store {self.path} keeps vectors={kept!r}, not {self._asked_vectors!r}.",
                hint="Leave vectors out, choose another folder, or empty this one: localrank store clear PATH",
            )
        self._identity, self._model = identity, model
        return kept

    def vectors(self) -> str:
        """Return how it keeps vectors, or will when a model opens it.

        Raises:
            ModelLoadError: It is damaged.
        """
        if self._asked_vectors is not None or not (self.path / INDEX_FILE).is_file():
            return self._asked_vectors or _DEFAULT_VECTORS
        with self._used() as index:
            return _kept(index)

    def _begin_facts(self, index: StoreIndex, identity: bytes, model: str) -> None:
        """Say whose a new store is; another process may have said so meanwhile."""
        if index.state("identity", identity) == identity:
            index.state("model", model.encode())
            index.state("vectors", (self._asked_vectors or _DEFAULT_VECTORS).encode())

    def _bound(self, index: StoreIndex) -> None:
        """Hold the bound of the store, which may be another one than before."""
        asked = self._asked_mb
        if index.is_read_only:
            return
        if asked is not None and index.fact("max_mb") != str(asked).encode():
            index.restate("max_mb", str(asked).encode())
        bounds = Bounds(self.max_mb)
        if index.is_beyond(bounds.capacity, bounds.most):
            with index.writing():
                index.end_large(bounds.capacity)
                dropped = index.make_room(bounds.most)
            self._writing.remove(dropped)

    def find(self, keys: Sequence[bytes]) -> list[PackedDocument | None]:
        """Return the document of each key where it lies, or None.

        Raises:
            ModelLoadError: The index is damaged.
        """
        with self._used() as index:
            self._look(index)
            missing = [key for key in keys if key not in self._located]
            places = index.find(missing) if missing else {}
            for key, place in places.items():
                self._locate(index, key, place)
            return self._located.take(keys)

    def keep(self, documents: Sequence[tuple[bytes, PackedDocument]]) -> None:
        """Write documents by their keys; what cannot be written is not kept, and a warning says so."""
        with self._lock:
            try:
                index = self._opened()
                if index.is_read_only:
                    self._tell_once("it is read-only here, so that new ones are read again each time")
                elif self._found_file() == self._file:
                    self._writing.write(index, Bounds(self.max_mb), documents)
                else:
                    self._tell_once("its files were removed, or others stand in their place")
            except FAULTS as error:
                self._not_kept = f"{type(error).__name__}: {error}"

    def _tell_once(self, reason: str) -> None:
        if not self._is_told:
            self._is_told, self._not_kept = True, reason

    def warnings(self) -> list[RerankWarning]:
        """Return once what went wrong since the last time, and once for all that documents make room, or are too large."""
        reason, self._not_kept = self._not_kept, None
        told = [] if reason is None else [f"The store {self.path} did not keep documents: {reason}."]
        if self._writing.makes_room and not self._is_told_full:
            self._is_told_full = True
            told.append(
                f"The store {self.path} has its {self.max_mb:,} MB: documents that were longest unused make room for new ones. "
                "Of a larger collection that is read in one order again and again none is known: give it more (max_mb)."
            )
        left_out = self._writing.left_out
        if left_out and not self._is_told_large:
            self._is_told_large = True
            told.append(
                f"The store {self.path} with its {self.max_mb:,} MB keeps no document whose vectors take more than "
                f"{Bounds(self.max_mb).capacity / 1e6:.1f} MB: one of {left_out / 1e6:.1f} MB is read again each time. "
                f"Give the store at least {Bounds.least_mb(left_out):,} MB (max_mb), or the model shorter documents."
            )
        return [RerankWarning("document_store", one) for one in told]

    def facts(self) -> StoreFacts:
        """Return what it holds.

        Raises:
            ModelLoadError: There is no store, or it is damaged.
        """
        self._check_made()
        with self._used() as index:
            index.check()
            documents, tokens, size = index.count()
            model, vectors = index.fact("model"), _kept(index)
        disk_mb = disk_bytes(self.path) / 1e6
        return StoreFacts(documents, tokens, size / 1e6, disk_mb, _text(model), vectors, self.max_mb)

    def compact(self) -> None:
        """Move the documents of segments that are half empty together, and give their room back.

        Raises:
            ModelLoadError: There is no store, or it is damaged.
        """
        self._check_made()
        with self._used() as index:
            index.check_writable()
            index.check()
            for number in index.segments():
                self._writing.move_out(index, Bounds(self.max_mb), number)
            index.connection.execute("vacuum")

    def clear(self) -> None:
        """Remove all documents, and whose they were; a model that uses the store meanwhile finds nothing more.

        Raises:
            ModelLoadError: There is no store, or it cannot be opened.
        """
        self._check_made()
        with self._used() as index:
            index.check_writable()
            self._writing.remove(index.segments())  # first, since a full disk lets nobody change the index
            with index.writing():
                numbers = index.segments()
                for number in numbers:
                    index.drop(number)
                index.connection.execute("delete from facts where name != 'max_mb'")
                if self._identity is not None:
                    self._begin_facts(index, self._identity, self._model)
            index.connection.execute("vacuum")
            self._writing.remove(numbers)

    def close(self) -> None:
        """Close files; the next use opens them again."""
        with self._lock:
            index, writing = self._index, self._writing
            self._begin()
            writing.leave()
            if index is not None:
                index.close()

    @contextmanager
    def _used(self) -> Iterator[StoreIndex]:
        """Hold the index for a block, in which a fault of it or of the disk is told as the store's."""
        with self._lock:
            try:
                yield self._opened()
            except FAULTS as error:
                raise unusable(self.path, error) from error

    def _opened(self) -> StoreIndex:
        if self._index is None:
            index = StoreIndex(self.path, is_read_only=is_read_only(self.path))
            self._file = self._found_file()
            if self._asked_mb is None:
                self.max_mb = _megabytes(index.fact("max_mb"))
            self._index = index
        return self._index

    def _found_file(self) -> tuple[int, int] | None:
        """Return which file the index is now, None where there is none."""
        try:
            state = (self.path / INDEX_FILE).stat()
        except OSError:
            return None
        return state.st_dev, state.st_ino

    def _check_made(self) -> None:
        if not (self.path / INDEX_FILE).is_file():
            raise ModelLoadError(f"There is no document store in {self.path}.", hint="Check the path.")

    def _locate(self, index: StoreIndex, key: bytes, place: Place) -> None:
        """Remember where a document lies; one that is not there is taken out, and is a miss."""
        if not self._located.locate(key, place):
            self._doubt(index)
            with suppress(
                sqlite3.OperationalError
            ):  # locked, full or read-only: it stays, and is a miss again
                index.forget(key, place)

    def _doubt(self, index: StoreIndex) -> None:
        """Look once whether the whole index is damaged, so that what it does not find is missing each time."""
        if self._is_doubted:
            return
        self._is_doubted = True
        try:
            index.check()
        except sqlite3.DatabaseError as error:
            self._not_kept = f"{error}; what it does not find is read again each time. Remove the folder"

    def _look(self, index: StoreIndex) -> None:
        """From time to time note which segments are used, and let go of those that are gone."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        used = self._located.used
        self._located.used = set()
        if used:
            with suppress(sqlite3.OperationalError), index.writing():  # as above: what is read needs no note
                index.use(sorted(used))
        self._located.keep_only(index.segments())

    def _renew(self) -> None:
        """In a child, open everything anew: SQLite's connections are of one process."""
        leave_behind(self._index)
        writing, located = self._writing, self._located
        self._begin()
        self._located, self._writing = located, Writing(self.path, located)
        writing.leave()


def _text(stated: bytes | None) -> str | None:
    return None if stated is None else stated.decode(errors="replace")


def _megabytes(stated: bytes | None) -> int:
    if stated is None:
        return _DEFAULT_MB
    if not stated.isdigit():
        raise sqlite3.DatabaseError(f"max_mb is {stated!r}: the index is damaged")
    return int(stated)


def _kept(index: StoreIndex) -> str:
    """Return how a store says that it keeps vectors."""
    stated = index.fact("vectors")
    kept = _DEFAULT_VECTORS if stated is None else stated.decode(errors="replace")
    if kept not in _VECTORS:
        raise sqlite3.DatabaseError(f"vectors is {kept!r}: the index is damaged")
    return kept
