"""Rows of one query stand together in a whole input, however long it is: else its candidates would be ranked in two lists."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

from localrank.batches.temporary import temporary_files
from localrank.contract.errors import InvalidDataError
from localrank.contract.texts import shortened

__all__ = ["Together", "survey"]

_ROWS_BETWEEN_WORDS = 10_000

_PAGES_KIB = 16_384
"""Of digests that are held in memory; SQLite puts the rest into a file that nobody else sees and that ends with the process."""


class Together:
    """Reads the keys of rows in their order, and refuses one that comes again after another.

    Memory is bounded whatever the number of keys. Any one thread at a time may use it.

    Args:
        source: What the input is called in messages.
    """

    def __init__(self, source: str) -> None:
        self._source, self._last, self._rows = source, None, 0
        self._before = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._before.execute("PRAGMA journal_mode = OFF")
        self._before.execute("PRAGMA synchronous = OFF")
        self._before.execute(f"PRAGMA cache_size = -{_PAGES_KIB}")
        self._before.execute("CREATE TABLE keys (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        self._before.execute("BEGIN")

    def see(self, keys: Iterable[Any]) -> None:
        """Read the keys of the next rows; None is no key.

        Raises:
            InvalidDataError: A key comes a second time, with the number of its row.
            InvalidRequestError: What is kept finds no room.
        """
        for key in keys:
            self._rows += 1
            if key is None or key == self._last:
                continue
            self._last = key
            digest = hashlib.blake2b(repr(key).encode("utf-8", "surrogatepass"), digest_size=16).digest()
            with temporary_files():
                is_new = self._before.execute("INSERT OR IGNORE INTO keys VALUES (?)", (digest,)).rowcount
            if not is_new:
                raise InvalidDataError(
                    f"{self._source}: rows of one query stand apart: {shortened(repr(key))} comes again in row "
                    f"{self._rows:,}.",
                    hint="Sort the rows by query; or, if these are two lists, name the column that tells them apart "
                    "(Columns(group=)).",
                )

    def close(self) -> None:
        """Let go of what was kept."""
        self._before.close()


def survey(source: str, keys: Iterable[Any], on_rows: Callable[[int], None]) -> int:
    """Return the number of an input's rows, once it is known that those of a query stand together.

    Args:
        source: What the input is called in messages.
        keys: A key for each row; None is no key.
        on_rows: Called with the number of rows that were read, every 10,000.

    Raises:
        InvalidDataError: A key comes again after another.
    """
    count = 0
    with closing(Together(source)) as together:
        for count, key in enumerate(keys, 1):
            together.see((key,))
            if count % _ROWS_BETWEEN_WORDS == 0:
                on_rows(count)
    return count
