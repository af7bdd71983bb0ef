"""Files of vectors: each written by one process at a time, mapped read-only by all."""

from __future__ import annotations

import mmap
import sys
import weakref
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

__all__ = ["SegmentWriter", "disk_bytes", "mapped", "remove", "segment_file"]

_SUFFIX = ".vectors"

_ALIGNED = 64
"""A document begins at a line of memory."""


def segment_file(folder: Path, number: int) -> Path:
    """Return where a segment lies."""
    return folder / f"{number:08d}{_SUFFIX}"


def mapped(path: Path) -> npt.NDArray[np.uint8]:
    """Return the bytes of a segment where they lie; it has its whole size before anything in it is entered.

    Raises:
        FileNotFoundError: It is gone.
        OSError: It cannot be mapped now.
    """
    with path.open("rb") as stream:
        try:
            content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # somebody emptied it
            return np.empty(0, dtype=np.uint8)
    return np.frombuffer(content, dtype=np.uint8)


def remove(folder: Path, number: int) -> None:
    """Remove a segment; who has it mapped keeps it as long."""
    with suppress(OSError):  # Windows keeps a file that is mapped; whoever opens the store next removes it
        segment_file(folder, number).unlink()


def disk_bytes(folder: Path) -> int:
    """Return what the files of a folder take of the disk; a segment takes what was written to it."""
    states = [path.stat() for path in folder.iterdir()]
    return sum(512 * int(getattr(state, "st_blocks", state.st_size // 512)) for state in states)


class SegmentWriter:
    """The one place of this process to write to.

    Args:
        folder: Of the store.
        number: Of the segment.
        capacity: Bytes that it may have; the file has them from the beginning, and takes disk as it is filled.
        end: Where to go on.

    Raises:
        BlockingIOError: Another process writes to it.
        OSError: It cannot be made.
    """

    def __init__(self, folder: Path, number: int, capacity: int, end: int = 0) -> None:
        self.number = number
        self._capacity = capacity
        self._end = end
        path = segment_file(folder, number)
        self._stream = path.open("r+b" if path.exists() else "w+b", buffering=0)
        try:
            _hold(self._stream)
            self._stream.truncate(capacity)
        except BaseException:
            self._stream.close()
            raise
        weakref.finalize(self, self._stream.close)

    def write(self, data: npt.NDArray[np.uint8]) -> int | None:
        """Write a document's vectors and return their place; None where they do not fit.

        Raises:
            OSError: The disk is full, or failed.
        """
        place = -(-self._end // _ALIGNED) * _ALIGNED
        if place + data.nbytes > self._capacity:
            return None
        self._stream.seek(place)
        content = data.data
        while content:
            content = content[self._stream.write(content) :]
        self._end = place + data.nbytes
        return place

    def close(self) -> None:
        """Leave the segment to others."""
        self._stream.close()


def _hold(stream: BinaryIO) -> None:
    """Keep other processes from writing, until the file is closed or this process is gone, however it ends."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415  # not on Windows

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
