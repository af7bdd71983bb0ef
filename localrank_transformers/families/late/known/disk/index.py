"""Which document lies where in a store: an SQLite database that any number of processes share.

A document is entered after its vectors are written, in one transaction, so that what is entered is there, whatever ends the
process. SQLite's write-ahead log lets readers go on while one process writes.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

__all__ = ["INDEX_FILE", "WAIT_S", "Place", "StoreFacts", "StoreIndex"]

INDEX_FILE = "index.sqlite"

WAIT_S = 30.0
"""How long a process waits for others that write; each takes some milliseconds."""

_AT_ONCE = 500
"""Keys of one look-up."""

_LOG_PAGES, _LOG_BYTES = 200, 1_000_000
"""What is written is taken over from the log that early, and the log is cut to that: it counts in the bound of the store."""

_NOW = "max(?, (select coalesce(max(used), 0) + .001 from segments))"
"""The time, or a little more than the latest there is: a clock that is set back makes nothing older than what came before."""

_SCHEMA = """
create table if not exists facts (name text primary key, value blob);
create table if not exists segments (
    number integer primary key autoincrement, capacity integer not null, used real not null
);
create table if not exists documents (
    key blob primary key, segment integer not null, place integer not null, size integer not null,
    tokens integer not null, truncated integer not null, sum integer not null
) without rowid;
create index if not exists documents_of_segment on documents (segment);
"""


class Place(NamedTuple):
    """Where a document's vectors lie, and what they are.

    Attributes:
        segment: Number of the file.
        place: First byte in it.
        size: Bytes.
        tokens: That are compared.
        truncated: Whether the text was cut.
        sum: Checksum of all this and the bytes.
    """

    segment: int
    place: int
    size: int
    tokens: int
    truncated: int
    sum: int

    @property
    def is_one(self) -> bool:
        """Whether all of it are numbers that can be; what a damaged index holds may be anything."""
        return all(type(number) is int and number >= 0 for number in self)


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What a store holds.

    Attributes:
        documents: How many.
        tokens: Of all together.
        vectors_mb: Their vectors, in 10⁶ bytes.
        disk_mb: What all files take of the disk.
        model: Whose vectors they are; None where nothing was kept yet.
        vectors: How they are kept: `full` or `small`.
        max_mb: What it may take.
    """

    documents: int
    tokens: int
    vectors_mb: float
    disk_mb: float
    model: str | None
    vectors: str = "full"
    max_mb: int = 0


class StoreIndex:
    """One connection. Its caller sees to it that one thread at a time uses it.

    Args:
        folder: Of the store; made where it is not there.
        is_read_only: Whether nothing can be written there: it is opened as it lies, and what asks to write is refused.

    Attributes:
        is_read_only: The same.

    Raises:
        sqlite3.Error: The database is damaged, or cannot be opened.
        OSError: The folder cannot be made.
    """

    def __init__(self, folder: Path, *, is_read_only: bool = False) -> None:
        self.is_read_only = is_read_only
        if is_read_only:
            self.connection = _opened_read_only(folder / INDEX_FILE)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            self.connection = _connected(folder / INDEX_FILE)
        closing = weakref.finalize(self, self.connection.close)
        closing.atexit = False  # a thread may be using it
        if not is_read_only:
            self._set_up()

    def _set_up(self) -> None:
        self.connection.execute("pragma journal_mode = wal")
        # What a power failure takes may be entered and not written: its checksum is wrong then, and it is a miss.
        self.connection.execute("pragma synchronous = normal")
        self.connection.execute(f"pragma wal_autocheckpoint = {_LOG_PAGES}")
        self.connection.execute(f"pragma journal_size_limit = {_LOG_BYTES}")
        if self.connection.execute("select 1 from sqlite_master where name = 'documents'").fetchone() is None:
            with self.writing():
                for statement in _SCHEMA.strip().split(";"):
                    self.connection.execute(statement)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def check_writable(self) -> None:
        """Refuse what would change a store that cannot be written.

        Raises:
            OSError: It cannot.
        """
        if self.is_read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the one place of those who write, until everything inside is done or nothing of it."""
        self.connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.connection.execute("rollback")
            raise
        self.connection.execute("commit")

    def fact(self, name: str) -> bytes | None:
        """Return what was stated under a name."""
        row = self.connection.execute(
            "select cast(value as blob) from facts where name = ?", (name,)
        ).fetchone()
        return None if row is None else row[0]

    def state(self, name: str, value: bytes) -> bytes:
        """State something once, and return what is stated."""
        self.connection.execute("insert or ignore into facts values (?, ?)", (name, value))
        return self.fact(name) or b""

    def restate(self, name: str, value: bytes) -> None:
        """State something anew."""
        self.connection.execute("insert or replace into facts values (?, ?)", (name, value))

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Place]:
        """Return the places of those that are there."""
        found: dict[bytes, Place] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = self.connection.execute(
                f"select key, segment, place, size, tokens, truncated, sum from documents where key in ({marks})",  # noqa: S608  # marks only
                some,
            )
            found |= {bytes(key): Place(*place) for key, *place in rows}
        return found

    def enter(self, segment: int, places: Sequence[tuple[bytes, Place]]) -> bool:
        """Enter documents, in place of those that have their keys; return False, and enter none, where the segment is gone.

        Raises:
            sqlite3.Error: The database cannot be changed, or does not find what was entered.
        """
        with self.writing():
            row = self.connection.execute("select 1 from segments where number = ?", (segment,)).fetchone()
            if row is not None:
                self.connection.executemany(
                    "insert or replace into documents values (?, ?, ?, ?, ?, ?, ?)",
                    [(key, *place) for key, place in places],
                )
                # A tree whose keys lost their order takes what it does not find again, and SQLite says nothing.
                if self.find([key for key, _ in places]) != dict(places):
                    raise sqlite3.DatabaseError("the index does not find what was entered: it is damaged")
        return row is not None

    def forget(self, key: bytes, place: Place) -> None:
        """Take out a document that does not lie where it should; not one that has been entered anew since."""
        self.connection.execute(
            "delete from documents where key = ? and segment = ? and place = ?",
            (key, place.segment, place.place),
        )

    def segments(self) -> list[int]:
        """Return the numbers of all segments, the longest unused first."""
        return [
            number
            for (number,) in self.connection.execute("select number from segments order by used, number")
        ]

    def places_of(self, segment: int) -> dict[bytes, Place]:
        """Return where the documents of a segment lie, those that are entered with a place."""
        rows = self.connection.execute(
            "select cast(key as blob), segment, place, size, tokens, truncated, sum from documents where segment = ?",
            (segment,),
        )
        places = ((key, Place(*place)) for key, *place in rows)
        return {key: place for key, place in places if key is not None and place.is_one}

    def end_of(self, segment: int) -> int:
        """Return the first byte behind what is entered of a segment."""
        found = self.connection.execute(
            "select cast(max(place + size) as integer) from documents where segment = ?", (segment,)
        ).fetchone()[0]
        return int(found or 0)

    def capacity_of(self, segment: int) -> int:
        """Return the bytes that a segment may have; 0 where it is gone."""
        row = self.connection.execute(
            "select cast(capacity as integer) from segments where number = ?", (segment,)
        ).fetchone()
        return 0 if row is None else int(row[0] or 0)

    def end_large(self, largest: int) -> None:
        """Let no segment of a larger store be filled further than it is; it counts as what it holds."""
        self.connection.execute(
            "update segments set capacity = coalesce((select max(place + size) from documents where segment = number), 0)"
            " where capacity > ?",
            (largest,),
        )

    def is_beyond(self, largest: int, most: int) -> bool:
        """Return whether a segment may have more than `largest` bytes, or all together more than `most`."""
        row = self.connection.execute(
            "select cast(max(capacity) as integer), total(capacity) from segments"
        ).fetchone()
        return bool((row[0] or 0) > largest or row[1] > most)

    def make_room(self, most: int) -> list[int]:
        """Forget segments, the longest unused first, until the others may have `most` bytes together; return their numbers."""
        dropped = []
        for number in self.segments():
            if self.connection.execute("select total(capacity) from segments").fetchone()[0] <= most:
                break
            self.drop(number)
            dropped.append(number)
        return dropped

    def begin_segment(self, capacity: int, most: int) -> tuple[int, list[int]]:
        """Return the number of a new segment, and those that had to make room for it.

        Args:
            capacity: Bytes that it may have.
            most: Bytes that all segments may have together.
        """
        with self.writing():
            dropped = self.make_room(most - capacity)
            made = self.connection.execute(
                f"insert into segments (capacity, used) values (?, {_NOW})",  # noqa: S608  # ours
                (capacity, time.time()),
            ).lastrowid
        assert made is not None
        return made, dropped

    def drop(self, segment: int) -> None:
        """Forget a segment with all its documents."""
        self.connection.execute("delete from documents where segment = ?", (segment,))
        self.connection.execute("delete from segments where number = ?", (segment,))

    def use(self, segments: Sequence[int]) -> None:
        """Note that segments were used now."""
        self.connection.executemany(
            f"update segments set used = {_NOW} where number = ?",  # noqa: S608  # ours
            [(time.time(), number) for number in segments],
        )

    def check(self) -> None:
        """Look whether all entries can be found, a second a million.

        SQLite itself does not notice keys that have lost their order: it finds some of them, and others not.

        Raises:
            sqlite3.DatabaseError: The database is damaged.
        """
        (found,) = self.connection.execute("pragma integrity_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"the index is damaged: {found.splitlines()[-1]}")

    def count(self) -> tuple[int, int, int]:
        """Return the number of documents, their tokens and their bytes."""
        row = self.connection.execute("select count(*), total(tokens), total(size) from documents").fetchone()
        return int(row[0]), int(row[1]), int(row[2])


def _connected(database: Path | str, *, is_uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        database, timeout=WAIT_S, isolation_level=None, check_same_thread=False, uri=is_uri
    )


def _opened_read_only(path: Path) -> sqlite3.Connection:
    """Open a database that cannot be written; where its log cannot be opened either, nobody writes to it meanwhile."""
    for how in ("mode=ro", "mode=ro&immutable=1"):
        connection = _connected(f"{path.absolute().as_uri()}?{how}", is_uri=True)
        try:
            connection.execute("select 1 from sqlite_master").fetchone()
        except sqlite3.Error as error:
            connection.close()
            fault = error
        else:
            return connection
    raise fault
