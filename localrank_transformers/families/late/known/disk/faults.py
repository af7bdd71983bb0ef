"""What is wrong with a store, as an error that says what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from localrank.contract.errors import ModelLoadError
from localrank_transformers.families.late.known.disk.index import INDEX_FILE, WAIT_S

__all__ = ["FAULTS", "is_read_only", "unusable"]

FAULTS = (sqlite3.Error, OSError, UnicodeDecodeError)
"""Of SQLite and the system; the last one where SQLite's message quotes bytes of a damaged index."""

_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
_NO_FOLDER = frozenset({errno.EEXIST, errno.ENOTDIR, errno.ELOOP})
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def unusable(path: Path, error: Exception) -> ModelLoadError:
    """Return the error for a store in `path` of which SQLite or the system said `error`."""
    code, number = getattr(error, "sqlite_errorcode", None), getattr(error, "errno", None)
    if code == sqlite3.SQLITE_BUSY:
        return ModelLoadError(
            f"Another process has been writing to the document store {path} for {WAIT_S:.0f} s.",
            hint="Each takes milliseconds: look for one that is stopped, or that has left a transaction open.",
        )
    if number in _NO_FOLDER:
        return ModelLoadError(
            f"The document store {path} is no folder, but a file or a link that leads nowhere.",
            hint="Choose another place, or remove what is there.",
        )
    if code == sqlite3.SQLITE_FULL or number in _FULL:
        return ModelLoadError(
            f"The disk of the document store {path} is full.",
            hint="Make room on it, or empty the store: localrank store clear PATH",
        )
    if number in _REFUSED or code == sqlite3.SQLITE_READONLY or is_read_only(path):
        return ModelLoadError(
            f"The document store {path} cannot be written to: {type(error).__name__}: {error}.",
            hint="What it knows can be read there, if the process that wrote it last closed it. To begin or change one, take a "
            "folder that this user may write to.",
        )
    return ModelLoadError(
        f"The document store {path} cannot be used: {type(error).__name__}: {error}.",
        hint="It may be damaged, or lie where SQLite cannot lock files, as on a network drive: choose another folder, or "
        "remove this one.",
    )


def is_read_only(path: Path) -> bool:
    """Return whether this process cannot write to the store in a folder: its user may not, or the disk is read-only."""
    written = [one for one in (path, path / INDEX_FILE) if one.exists()]
    return path.is_dir() and not all(os.access(one, os.W_OK) for one in written)
