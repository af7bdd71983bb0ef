"""Cached scores in one SQLite file that many processes share."""

from __future__ import annotations

import os
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from localrank.compose.stores.scores import CachedScore
from localrank.compose.wrapping.wrapper import refuse

__all__ = ["SQLiteStore"]

_PACKED = struct.Struct("<d?")
"""A score as an IEEE double, then whether the document was truncated."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, score BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS scores_by_use ON scores (used);
"""

_KEYS_PER_QUERY = 500
_BUSY_TIMEOUT_S = 10.0
_BUSY_RETRY_S = 0.01
_USE_RESOLUTION_S = 3600
"""A row's time of use is written again only when it is older than this, so that most reads write nothing."""

_ROW_BYTES = 96
"""About what a row and its index entry take, for how many rows to drop."""


class SQLiteStore:
    """Keeps scores in the file `path`, in write-ahead-log mode; many threads and processes may share it.

    Args:
        path: The file; made where it is absent, its folder too.
        max_bytes: About how large the database may grow; the least recently used scores (to the hour) are dropped beyond it.
            The write-ahead log beside it takes a few megabytes more.
        now: The present as a Unix time.

    Raises:
        InvalidRequestError: `max_bytes` is below 64 KiB.
    """

    blocking = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_bytes: int = 256 * 1024 * 1024,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path)
        self.max_bytes = max_bytes
        self._now = now
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        if max_bytes < 64 * 1024:
            raise refuse(f"max_bytes is {max_bytes!r}.", "Pass at least 65536.")

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(SQLiteStore, self.path, max_bytes=self.max_bytes, now=self._now), ()

    def __del__(self) -> None:
        self.close()

    def __len__(self) -> int:
        with self._lock:
            (count,) = self._opened().execute("SELECT count(*) FROM scores").fetchone()
        return int(count)

    def get_many(self, keys: Sequence[bytes]) -> list[CachedScore | None]:
        """Return what is kept for each key.

        Raises:
            sqlite3.Error: The file cannot be read.
        """
        found: dict[bytes, CachedScore] = {}
        stale: list[bytes] = []
        fresh = int(self._now()) - _USE_RESOLUTION_S
        with self._lock:
            connection = self._opened()
            for part in _parts(keys):
                marks = ",".join("?" * len(part))
                query = f"SELECT key, score, used FROM scores WHERE key IN ({marks})"  # noqa: S608  # only marks
                for key, packed, used in connection.execute(query, part):
                    found[key] = CachedScore(*_PACKED.unpack(packed))
                    if used < fresh:
                        stale.append(key)
            if stale:
                self._touch(connection, stale)
        return [found.get(key) for key in keys]

    def put_many(self, scores: Mapping[bytes, CachedScore]) -> None:
        """Keep `scores`, in one transaction.

        Raises:
            sqlite3.Error: The file cannot be written.
        """
        used = int(self._now())
        rows = [(key, _PACKED.pack(*score), used) for key, score in scores.items()]
        with self._lock:
            connection = self._opened()
            with connection:
                connection.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?)", rows)
            self._evict(connection)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        """Return this process's connection: one that crossed a fork must not be used."""
        if self._connection is None or self._process != os.getpid():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_SCHEMA)
            self._connection, self._process = connection, os.getpid()
        return self._connection

    def _touch(self, connection: sqlite3.Connection, keys: Iterable[bytes]) -> None:
        used = int(self._now())
        with connection:
            connection.executemany("UPDATE scores SET used = ? WHERE key = ?", [(used, key) for key in keys])

    def _evict(self, connection: sqlite3.Connection) -> None:
        over = _live_bytes(connection) - self.max_bytes
        if over <= 0:
            return
        count = (over + self.max_bytes // 10) // _ROW_BYTES + 1
        with connection:
            connection.execute(
                "DELETE FROM scores WHERE key IN (SELECT key FROM scores ORDER BY used LIMIT ?)", (count,)
            )


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on, waiting for other processes: SQLite's own busy timeout does not cover this change."""
    last_try = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > last_try:
                raise
            time.sleep(_BUSY_RETRY_S)


def _live_bytes(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def _parts(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(keys), _KEYS_PER_QUERY):
        yield keys[start : start + _KEYS_PER_QUERY]
