"""A store of documents in use: one model's, found by their keys, written one process a file, bounded."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from localrank.contract.errors import ModelLoadError
from localrank.contract.types import RerankWarning
from localrank.providers.forking import RenewedLock, leave_behind, renew_after_fork
from localrank_transformers.families.late.known.index import INDEX_FILE, WAIT_S, Place, StoreFacts, StoreIndex
from localrank_transformers.families.late.known.packed import PackedDocument
from localrank_transformers.families.late.known.segments import (
    Located,
    SegmentWriter,
    disk_bytes,
    remove,
    sum_of,
)

__all__ = ["OpenStore"]

_DEFAULT_MB, _DEFAULT_VECTORS = 10_000, "full"
"""Of a store that says nothing else, as older versions made them."""

_SEGMENTS = 32
"""Into which the room is divided, within the bounds that follow: that much makes room at once."""

_SMALLEST, _LARGEST = 1 << 20, 1 << 28

_OF_VECTORS, _OF_LOG = 0.95, 2_000_000
"""The part of the room that vectors may take, and the bytes of it that are for SQLite's log; the rest is for the index."""

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
        self._lock = RenewedLock()
        self._identity: bytes | None = None
        self._model = ""
        self._begin()
        renew_after_fork(self, OpenStore._renew)

    def _begin(self) -> None:
        self._index: StoreIndex | None = None
        self._writer: SegmentWriter | None = None
        self._looked = time.monotonic()
        self._located = Located(self.path)
        self._not_kept: str | None = None
        self._file: tuple[int, int] | None = None
        self._is_gone = False

    def open(self, identity: bytes, model: str) -> str:
        """Open the store for a model, and return how it keeps vectors; a new one becomes the model's own.

        Nothing is written where nothing changes, so that who only reads waits for nobody.

        Args:
            identity: What its vectors depend on besides the text.
            model: What people call it.

        Raises:
            ModelLoadError: The store is another model's, keeps vectors otherwise, is damaged, or cannot be made.
        """
        with self._lock:
            try:
                index = self._opened()
                if index.fact("identity") is None:
                    with index.writing():
                        self._begin_facts(index, identity, model)
                is_its_own = index.fact("identity") == identity
                whose, kept = _text(index.fact("model")), _text(index.fact("vectors")) or _DEFAULT_VECTORS
                if is_its_own and self._asked_vectors in (None, kept):
                    self._bound(index)
            except (sqlite3.Error, OSError) as error:
                raise self._unusable(error) from error
        if not is_its_own:
            raise ModelLoadError(
                f"The store {self.path} holds vectors of another model: {whose}, not {model}; or its window or files differ.",
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
        with self._lock:
            try:
                return _text(self._opened().fact("vectors")) or _DEFAULT_VECTORS
            except (sqlite3.Error, OSError) as error:
                raise self._unusable(error) from error

    def _begin_facts(self, index: StoreIndex, identity: bytes, model: str) -> None:
        """Say whose a new store is; another process may have said so meanwhile."""
        if index.state("identity", identity) == identity:
            index.state("model", model.encode())
            index.state("vectors", (self._asked_vectors or _DEFAULT_VECTORS).encode())

    def _bound(self, index: StoreIndex) -> None:
        """Hold the bound of the store, which may be another one than before."""
        asked = self._asked_mb
        if asked is not None and index.fact("max_mb") != str(asked).encode():
            index.restate("max_mb", str(asked).encode())
        if index.is_beyond(self._capacity, self._most):
            with index.writing():
                index.end_large(self._capacity)
                dropped = index.make_room(self._most)
            self._remove(dropped)

    def find(self, keys: Sequence[bytes]) -> list[PackedDocument | None]:
        """Return the document of each key where it lies, or None.

        Raises:
            ModelLoadError: The index is damaged.
        """
        with self._lock:
            try:
                self._look()
                missing = [key for key in keys if key not in self._located]
                places = self._opened().find(missing) if missing else {}
                for key, place in places.items():
                    self._locate(key, place)
            except sqlite3.Error as error:
                raise self._unusable(error) from error
            return self._located.take(keys)

    def keep(self, documents: Sequence[tuple[bytes, PackedDocument]]) -> None:
        """Write documents by their keys; what cannot be written is not kept, and a warning says so."""
        with self._lock:
            try:
                self._opened()
                if self._found_file() == self._file:
                    self._keep(documents)
                elif not self._is_gone:
                    self._is_gone, self._not_kept = (
                        True,
                        "its files were removed, or others stand in their place",
                    )
            except (sqlite3.Error, OSError) as error:
                self._not_kept = f"{type(error).__name__}: {error}"

    def warnings(self) -> list[RerankWarning]:
        """Return once what went wrong since the last time."""
        reason, self._not_kept = self._not_kept, None
        if reason is None:
            return []
        return [RerankWarning("document_store", f"The store {self.path} did not keep documents: {reason}.")]

    def facts(self) -> StoreFacts:
        """Return what it holds.

        Raises:
            ModelLoadError: There is no store, or it is damaged.
        """
        self._check_made()
        with self._lock:
            try:
                index = self._opened()
                documents, tokens, size = index.count()
                model, vectors = index.fact("model"), _text(index.fact("vectors")) or _DEFAULT_VECTORS
            except (sqlite3.Error, OSError) as error:
                raise self._unusable(error) from error
        disk_mb = disk_bytes(self.path) / 1e6
        return StoreFacts(documents, tokens, size / 1e6, disk_mb, _text(model), vectors, self.max_mb)

    def compact(self) -> None:
        """Move the documents of segments that are half empty together, and give their room back.

        Raises:
            ModelLoadError: There is no store, or it is damaged.
        """
        self._check_made()
        with self._lock:
            try:
                index = self._opened()
                for number in index.segments():
                    self._move_out(index, number)
                index.connection.execute("vacuum")
            except (sqlite3.Error, OSError) as error:
                raise self._unusable(error) from error

    def clear(self) -> None:
        """Remove all documents, and whose they were; a model that uses the store meanwhile finds nothing more.

        Raises:
            ModelLoadError: There is no store, or it cannot be opened.
        """
        self._check_made()
        with self._lock:
            try:
                index = self._opened()
                with index.writing():
                    numbers = index.segments()
                    for number in numbers:
                        index.drop(number)
                    index.connection.execute("delete from facts where name != 'max_mb'")
                    if self._identity is not None:
                        self._begin_facts(index, self._identity, self._model)
                index.connection.execute("vacuum")
            except (sqlite3.Error, OSError) as error:
                raise self._unusable(error) from error
            self._remove(numbers)

    def close(self) -> None:
        """Close files; the next use opens them again."""
        with self._lock:
            index, writer = self._index, self._writer
            self._begin()
            if writer is not None:
                writer.close()
            if index is not None:
                index.close()

    def _opened(self) -> StoreIndex:
        if self._index is None:
            self._index = StoreIndex(self.path)
            self._file = self._found_file()
            if self._asked_mb is None:
                self.max_mb = int(self._index.fact("max_mb") or _DEFAULT_MB)
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

    @property
    def _most(self) -> int:
        """Bytes that all segments may have."""
        return int(self.max_mb * 1e6 * _OF_VECTORS) - _OF_LOG

    @property
    def _capacity(self) -> int:
        """Bytes of a new segment."""
        return max(_SMALLEST, min(_LARGEST, self._most // _SEGMENTS))

    def _keep(self, documents: Sequence[tuple[bytes, PackedDocument]]) -> None:
        written: list[tuple[bytes, Place]] = []
        writer = self._writer or self._next_writer()
        for key, document in documents:
            place = writer.write(document.data)
            if place is None and document.data.nbytes <= self._capacity:
                self._enter(writer, written)
                written = []
                self._leave_writer()
                writer = self._next_writer()
                place = writer.write(document.data)
            if place is not None:
                head = (document.data.nbytes, document.tokens, int(document.truncated))
                written.append((key, Place(writer.number, place, *head, sum_of(key, *head, document.data))))
        self._enter(writer, written)

    def _enter(self, writer: SegmentWriter, written: Sequence[tuple[bytes, Place]]) -> None:
        if written and not self._opened().enter(writer.number, written):
            self._leave_writer()  # it had to make room for another process

    def _next_writer(self) -> SegmentWriter:
        """Go on with a segment that nobody writes to, or begin one."""
        index = self._opened()
        for number in reversed(index.segments()):
            end, capacity = index.end_of(number), index.capacity_of(number)
            if end < capacity // 2:
                try:
                    self._writer = SegmentWriter(self.path, number, capacity, end)
                except OSError:  # another process writes to it
                    continue
                return self._writer
        number, dropped = index.begin_segment(self._capacity, self._most)
        self._remove(dropped)
        self._writer = SegmentWriter(self.path, number, self._capacity)
        return self._writer

    def _leave_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _locate(self, key: bytes, place: Place) -> None:
        """Remember where a document lies; one that is not there is taken out, and is a miss."""
        if not self._located.locate(key, place):
            self._take_out(key, place)

    def _take_out(self, key: bytes, place: Place) -> None:
        with suppress(sqlite3.OperationalError):  # locked, full or read-only: it stays, and is a miss again
            self._opened().forget(key, place)

    def _look(self) -> None:
        """From time to time note which segments are used, and let go of those that are gone."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        index, used = self._opened(), self._located.used
        self._located.used = set()
        if used:
            with suppress(sqlite3.OperationalError), index.writing():  # as above: what is read needs no note
                index.use(sorted(used))
        self._located.keep_only(index.segments())

    def _remove(self, numbers: Sequence[int]) -> None:
        if self._writer is not None and self._writer.number in numbers:
            self._leave_writer()
        self._located.forget(numbers)
        for number in numbers:
            remove(self.path, number)

    def _move_out(self, index: StoreIndex, number: int) -> None:
        """Write what a half empty segment holds elsewhere, unless another process writes to it."""
        if self._writer is not None and self._writer.number == number:
            return
        rows = index.connection.execute(
            "select key, segment, place, size, tokens, truncated, sum from documents where segment = ?",
            (number,),
        ).fetchall()
        places = {bytes(key): Place(*place) for key, *place in rows}
        capacity = index.capacity_of(number)
        if sum(place.size for place in places.values()) > capacity // 2:
            return
        try:
            held = SegmentWriter(self.path, number, capacity)
        except OSError:  # another process writes to it
            return
        try:
            for key, place in places.items():
                self._locate(key, place)
            found = zip(places, self._located.take(list(places)), strict=True)
            self._keep([(key, document) for key, document in found if document is not None])
            with index.writing():
                index.drop(number)
        finally:
            held.close()
        self._remove([number])

    def _unusable(self, error: Exception) -> ModelLoadError:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            return ModelLoadError(
                f"Another process has been writing to the document store {self.path} for {WAIT_S:.0f} s.",
                hint="Each takes milliseconds: look for one that is stopped, or that has left a transaction open.",
            )
        return ModelLoadError(
            f"The document store {self.path} cannot be used: {type(error).__name__}: {error}",
            hint="It may be damaged, or lie where SQLite cannot lock files, as on a network drive: choose another folder, or "
            "remove this one.",
        )

    def _renew(self) -> None:
        """In a child, open everything anew: SQLite's connections are of one process."""
        leave_behind(self._index)
        writer, located = self._writer, self._located
        self._begin()
        self._located = located
        if writer is not None:
            writer.close()


def _text(stated: bytes | None) -> str | None:
    return None if stated is None else stated.decode()
