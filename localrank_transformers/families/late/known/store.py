"""A store of documents in use: found by their keys where they lie in mapped files, written one process a file, bounded."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import ModelLoadError
from localrank.contract.types import RerankWarning
from localrank.providers.forking import RenewedLock, leave_behind, renew_after_fork
from localrank_transformers.families.late.known.index import INDEX_FILE, Place, StoreFacts, StoreIndex
from localrank_transformers.families.late.known.packed import PackedDocument
from localrank_transformers.families.late.known.segments import (
    SegmentWriter,
    disk_bytes,
    mapped,
    remove,
    segment_file,
)

__all__ = ["OpenStore"]

_SEGMENTS = 32
"""Into which the room is divided, within the bounds that follow: that much makes room at once."""

_SMALLEST, _LARGEST = 1 << 20, 1 << 28

_OF_VECTORS, _OF_LOG = 0.95, 2_000_000
"""The part of the room that vectors may take, and the bytes of it that are for SQLite's log; the rest is for the index."""

_LOCATED = 1 << 16
"""Documents whose places this process remembers: 30 MB."""

_LOOK_S = 5.0
"""How often it is looked which segments are gone, and noted which ones are used."""


class OpenStore:
    """A store in use by this process; see `DocumentStore`.

    Args:
        path: The folder.
        max_mb: Megabytes that it may take.
    """

    def __init__(self, path: Path, max_mb: int) -> None:
        self.path = path
        self.max_mb = max_mb
        self._lock = RenewedLock()
        self._identity: bytes | None = None
        self._begin()
        renew_after_fork(self, OpenStore._renew)

    def _begin(self) -> None:
        self._index: StoreIndex | None = None
        self._writer: SegmentWriter | None = None
        self._maps: dict[int, npt.NDArray[np.uint8]] = {}
        self._used: set[int] = set()
        self._looked = time.monotonic()
        self._located: OrderedDict[bytes, tuple[int, PackedDocument]] = OrderedDict()
        self._not_kept: str | None = None

    def open(self, identity: bytes, model: str) -> None:
        """Open the store for a model; a new one becomes its own.

        Args:
            identity: What its vectors depend on besides the text.
            model: What people call it.

        Raises:
            ModelLoadError: The store is another model's, is damaged, or cannot be made.
        """
        with self._lock:
            try:
                index = self._opened()
                is_its_own = index.state("identity", identity) == identity
                whose = index.state("model", model.encode()).decode()
                if is_its_own:
                    with index.writing():
                        index.end_large(self._capacity)
                        dropped = index.make_room(self._most)
                    self._remove(dropped)
            except (sqlite3.Error, OSError) as error:
                raise self._unusable(error) from error
        if not is_its_own:
            raise ModelLoadError(
                f"The store {self.path} holds vectors of another model: {whose}, not {model}; or its window or files differ.",
                hint="Give each model a folder of its own, or empty it: localrank store clear PATH",
            )
        self._identity = identity

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
            found = [self._located.get(key) for key in keys]
            for key, one in zip(keys, found, strict=True):
                if one is not None:
                    self._located.move_to_end(key)
                    self._used.add(one[0])
            while len(self._located) > _LOCATED:
                self._located.popitem(last=False)
        return [None if one is None else one[1] for one in found]

    def keep(self, documents: Sequence[tuple[bytes, PackedDocument]]) -> None:
        """Write documents by their keys; what cannot be written is not kept, and a warning says so."""
        with self._lock:
            try:
                self._keep(documents)
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
                model = index.fact("model")
            except (sqlite3.Error, OSError) as error:
                raise self._unusable(error) from error
        whose = None if model is None else model.decode()
        return StoreFacts(documents, tokens, size / 1e6, disk_bytes(self.path) / 1e6, whose)

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
                    index.connection.execute("delete from facts")
                    if self._identity is not None:
                        index.state("identity", self._identity)
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
        return self._index

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
                written.append((key, Place(writer.number, place, *head, _sum(key, *head, document.data))))
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
        """Remember where a document lies, once its checksum is right; a wrong one is taken out and is a miss."""
        if not all(type(number) is int and number >= 0 for number in place):
            self._take_out(key, place)
            return
        whole = self._maps.get(place.segment)
        if whole is None:
            try:
                whole = self._maps[place.segment] = mapped(segment_file(self.path, place.segment))
            except FileNotFoundError:
                self._take_out(key, place)
                return
            except OSError:  # too many files are open, say: a miss, which may be none the next time
                return
        data = whole[place.place : place.place + place.size]
        if len(data) != place.size or _sum(key, *place[2:5], data) != place.sum:
            self._take_out(key, place)
            return
        document = PackedDocument.of(data, place.tokens, truncated=bool(place.truncated))
        self._located[key] = (place.segment, document)

    def _take_out(self, key: bytes, place: Place) -> None:
        with suppress(sqlite3.OperationalError):  # locked, full or read-only: it stays, and is a miss again
            self._opened().forget(key, place)

    def _look(self) -> None:
        """From time to time note which segments are used, and let go of those that are gone."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        index, used = self._opened(), self._used
        self._used = set()
        if used:
            with suppress(sqlite3.OperationalError), index.writing():  # as above: what is read needs no note
                index.use(sorted(used))
        live = set(index.segments())
        self._forget(set(self._maps) - live)

    def _remove(self, numbers: Sequence[int]) -> None:
        if self._writer is not None and self._writer.number in numbers:
            self._leave_writer()
        self._forget(set(numbers))
        for number in numbers:
            remove(self.path, number)

    def _forget(self, gone: set[int]) -> None:
        if gone:
            self._located = OrderedDict(
                (key, one) for key, one in self._located.items() if one[0] not in gone
            )
            for number in gone:
                self._maps.pop(number, None)

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
            self._keep([(key, self._located[key][1]) for key in places if key in self._located])
            with index.writing():
                index.drop(number)
        finally:
            held.close()
        self._remove([number])

    def _unusable(self, error: Exception) -> ModelLoadError:
        return ModelLoadError(
            f"The document store {self.path} cannot be used: {type(error).__name__}: {error}",
            hint="It may be damaged, or lie where SQLite cannot lock files, as on a network drive: choose another folder, or "
            "remove this one.",
        )

    def _renew(self) -> None:
        """In a child, open everything anew: SQLite's connections are of one process."""
        leave_behind(self._index)
        writer, located, maps = self._writer, self._located, self._maps
        self._begin()
        self._located, self._maps = located, maps
        if writer is not None:
            writer.close()


def _sum(key: bytes, size: int, tokens: int, truncated: int, data: npt.NDArray[np.uint8]) -> int:
    head = key + b"".join(number.to_bytes(8, "little") for number in (size, tokens, truncated))
    return zlib.crc32(data.data, zlib.crc32(head))
