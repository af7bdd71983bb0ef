"""Connections to a SQLite file of scores: opened within bounds, and never taken across a fork."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from localrank.compose.stores.process_lock import ProcessLock

__all__ = ["PATIENCE_S", "Patience", "ScoresFile", "connected"]

T = TypeVar("T")

PATIENCE_S = 0.1
"""How long one read or write of a store waits for other threads and processes; a call does two of them."""

_LONGEST_PAUSE_S = 0.004

_VERSION = 1
_SCHEMA = f"""\
CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, score BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS scores_by_use ON scores (used);
PRAGMA user_version = {_VERSION}
"""


class Patience:
    """The time that one use of a store may wait, all its waits together.

    Args:
        seconds: How long.
    """

    def __init__(self, seconds: float = PATIENCE_S) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self._end - time.monotonic())

    def persist(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, repeating it while another process holds the file.

        Raises:
            sqlite3.Error: Of another kind, or the patience is at its end.
        """
        while True:
            try:
                return work()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                    raise
                if not self.left:
                    raise
            # Not SQLite's own wait, whose pauses grow to what we have, so that one of many writers would starve.
            time.sleep(min(self.left, random.uniform(0, _LONGEST_PAUSE_S)))  # noqa: S311  # only spreads the tries

    @contextmanager
    def writing(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Open a transaction that holds the file for writing; it is rolled back where something is raised."""
        self.persist(lambda: connection.execute("BEGIN IMMEDIATE"))
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


def connected(path: Path, patience: Patience) -> sqlite3.Connection:
    """Return a connection to the scores in `path`, which are made where they are absent.

    Raises:
        sqlite3.Error: No database, one of another kind or of a newer version, or one that another process holds.
        OSError: The folder cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        # SQLite's own busy timeout would not cover the change of this mode.
        patience.persist(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchall())
        connection.execute("PRAGMA synchronous = NORMAL")
        if not _has_scores(connection, patience):
            with patience.writing(connection):
                _make(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _has_scores(connection: sqlite3.Connection, patience: Patience) -> bool:
    (version,) = patience.persist(lambda: connection.execute("PRAGMA user_version").fetchone())
    if version > _VERSION:
        raise sqlite3.DatabaseError(
            f"the file has version {version} of the scores, and this localrank reads up to {_VERSION}"
        )
    query = "SELECT count(*) FROM sqlite_schema WHERE name IN ('scores', 'scores_by_use')"
    (count,) = patience.persist(lambda: connection.execute(query).fetchone())
    return bool(count == 2)


def _make(connection: sqlite3.Connection) -> None:
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)


class _Own:
    """A connection of the process that opened it; in any other there is none."""

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    @property
    def connection(self) -> sqlite3.Connection | None:
        return self._connection if self._process == os.getpid() else None

    def keep(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        self._connection, self._process = connection, os.getpid()
        return connection

    def close(self) -> None:
        connection, self._connection = self.connection, None
        if connection is not None:
            connection.close()


class ScoresFile:
    """The connection of this process to one file, lent to one thread at a time.

    Before the process forks it is closed, and parent and child open the file again, each for itself. SQLite's own locks are
    not to be held by another thread at that moment, since in the child nobody would release them, and a connection must not be
    used or closed in a child (https://sqlite.org/howtocorrupt.html, section 2.6).

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = ProcessLock()
        self._own = _Own()
        number = id(self)
        _files[number] = weakref.ref(self, lambda _: _files.pop(number, None))
        weakref.finalize(self, self._own.close)  # not __del__, which at exit finds modules emptied

    @contextmanager
    def lent(self, patience: Patience) -> Iterator[sqlite3.Connection]:
        """Lend the connection; after an error the file is opened afresh.

        Raises:
            sqlite3.Error: It cannot be opened, or others hold it.
            OSError: Its folder cannot be made.
        """
        if not self._lock.acquire(timeout=patience.left):
            raise sqlite3.OperationalError("other threads hold the store")
        try:
            yield self._own.connection or self._own.keep(connected(self.path, patience))
        except BaseException:
            with suppress(sqlite3.Error):
                self._own.close()
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            self._own.close()

    def close_and_hold(self, seconds: float) -> bool:
        """Close the file and let nobody open it before `let_go`; False where a thread uses it for longer than `seconds`."""
        held = self._lock.acquire(timeout=seconds)
        if held:
            with suppress(sqlite3.Error):
                self._own.close()
        return held

    def let_go(self) -> None:
        """Let the file be opened again."""
        self._lock.release()


_files: dict[int, weakref.ref[ScoresFile]] = {}
_held: dict[int, list[ScoresFile]] = {}
"""The thread that forks → the files that it holds meanwhile."""


def _before_fork() -> None:
    known = [file for reference in list(_files.values()) if (file := reference()) is not None]
    # A thread that stands in SQLite for longer than this cannot be helped: the fork goes on.
    _held[threading.get_ident()] = [file for file in known if file.close_and_hold(2 * PATIENCE_S)]


def _after_fork_in_parent() -> None:
    for file in _held.pop(threading.get_ident(), ()):
        file.let_go()


if hasattr(os, "register_at_fork"):
    # The child has locks of its own, which are free.
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_held.clear
    )
