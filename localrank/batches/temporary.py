"""Temporary files, in which a job keeps what memory need not hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from localrank.contract.errors import InvalidRequestError

__all__ = ["temporary_files"]


@contextmanager
def temporary_files() -> Iterator[None]:
    """Use temporary files inside, of SQLite's or of our own.

    Raises:
        InvalidRequestError: They cannot be written.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequestError(
            f"The folder for temporary files cannot be written: {reason}.",
            hint="Set TMPDIR to one with room.",
        ) from None
