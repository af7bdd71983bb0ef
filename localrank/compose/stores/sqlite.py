"""Cached scores in one SQLite file that many processes share."""

from __future__ import annotations

import math
import os
import sqlite3
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from localrank.compose.stores.connections import Patience, ScoresFile
from localrank.compose.stores.scores import CachedScore
from localrank.compose.wrapping.wrapper import refuse
from localrank.providers.annotations import check_types
from localrank.providers.arguments import check_path

__all__ = ["SQLiteStore"]

_PACKED = struct.Struct("<d?")
"""A score as an IEEE double, then whether the document was truncated."""

_SUM_BYTES = 4
"""Behind it, the checksum of key and score: SQLite has none of its pages, and a score with a bit changed is a score."""

_DAMAGED = CachedScore(math.nan)

_KEYS_PER_QUERY = 500
_USE_RESOLUTION_S = 3600
"""A row's time of use is written again only when it is older than this, so that most reads write nothing."""

_ROW_BYTES = 100
"""About what a row and its index entry take, for how many rows to drop."""


class SQLiteStore:
    """Keeps scores in the file `path`, in write-ahead-log mode; many threads and processes may share it.

    No method waits longer than a tenth of a second for another thread or process; it then raises, and the call goes on without
    what is kept. Before the process forks, the file is closed; parent and child open it again, each for itself.

    Args:
        path: The file; made where it is absent, its folder too. A relative one is of where the process is now.
        max_bytes: About how large the database may grow; the least recently used scores (to the hour) are dropped beyond it.
            The write-ahead log beside it takes a few megabytes more.
        now: The present as a Unix time.

    Raises:
        InvalidRequestError: `path` is no path, or `max_bytes` is below 64 KiB.
    """

    blocking = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_bytes: int = 256 * 1024 * 1024,
        now: Callable[[], float] = time.time,
    ) -> None:
        check_types(locals(), SQLiteStore.__init__)
        self.path = check_path("path", path).absolute()
        self.max_bytes = max_bytes
        self._now = now
        if max_bytes < 64 * 1024:
            raise refuse(f"max_bytes is {max_bytes!r}.", "Pass at least 65536.")
        self._file = ScoresFile(self.path)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(SQLiteStore, self.path, max_bytes=self.max_bytes, now=self._now), ()

    def __len__(self) -> int:
        with self._file.lent(Patience()) as connection:
            (count,) = connection.execute("SELECT count(*) FROM scores").fetchone()
        return int(count)

    def get_many(self, keys: Sequence[bytes]) -> list[CachedScore | None]:
        """Return what is kept for each key; a score of NaN where the row is damaged.

        Raises:
            sqlite3.Error: The file cannot be read, is no such database, or another process holds it.
            OSError: The folder cannot be made.
        """
        found: dict[bytes, CachedScore] = {}
        stale: list[bytes] = []
        fresh = int(self._now()) - _USE_RESOLUTION_S
        with self._file.lent(Patience()) as connection:
            for part in _parts(keys):
                marks = ",".join("?" * len(part))
                query = f"SELECT key, score, used FROM scores WHERE key IN ({marks})"  # noqa: S608  # only marks
                for key, packed, used in connection.execute(query, part):
                    found[key] = _unpacked(key, packed)
                    if not isinstance(used, int) or used < fresh:
                        stale.append(key)
            if stale:
                with suppress(sqlite3.Error):  # the scores are there, whoever is writing
                    self._touch(connection, stale)
        return [found.get(key) for key in keys]

    def put_many(self, scores: Mapping[bytes, CachedScore]) -> None:
        """Keep `scores`, in one transaction.

        Raises:
            sqlite3.Error: The file cannot be written, or another process holds it.
            OSError: The folder cannot be made.
        """
        used = int(self._now())
        rows = [(key, _packed(key, score), used) for key, score in scores.items()]
        patience = Patience()
        with self._file.lent(patience) as connection:
            with patience.writing(connection):
                connection.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?)", rows)
            self._evict(connection, patience)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    def _touch(self, connection: sqlite3.Connection, keys: Iterable[bytes]) -> None:
        used = int(self._now())
        with Patience(0.0).writing(connection):
            connection.executemany("UPDATE scores SET used = ? WHERE key = ?", [(used, key) for key in keys])

    def _evict(self, connection: sqlite3.Connection, patience: Patience) -> None:
        over = _live_bytes(connection) - self.max_bytes
        if over <= 0:
            return
        count = (over + self.max_bytes // 10) // _ROW_BYTES + 1
        with patience.writing(connection):
            connection.execute(
                "DELETE FROM scores WHERE key IN (SELECT key FROM scores ORDER BY used LIMIT ?)", (count,)
            )


def _packed(key: bytes, score: CachedScore) -> bytes:
    content = _PACKED.pack(*score)
    return content + _sum_of(key, content)


def _unpacked(key: bytes, packed: object) -> CachedScore:
    if not isinstance(packed, bytes) or len(packed) != _PACKED.size + _SUM_BYTES:
        return _DAMAGED
    content = packed[: _PACKED.size]
    return CachedScore(*_PACKED.unpack(content)) if packed == content + _sum_of(key, content) else _DAMAGED


def _sum_of(key: bytes, content: bytes) -> bytes:
    return zlib.crc32(content, zlib.crc32(key)).to_bytes(_SUM_BYTES, "little")


def _live_bytes(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def _parts(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(keys), _KEYS_PER_QUERY):
        yield keys[start : start + _KEYS_PER_QUERY]
