"""Files of vectors: each written by one process at a time, mapped read-only by all; and documents where they lie in them."""

from __future__ import annotations

import errno
import mmap
import os
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from localrank.providers.holding import hold
from localrank_transformers.families.late.known.disk.index import Place
from localrank_transformers.families.late.known.packed import PackedDocument

__all__ = ["Located", "SegmentWriter", "disk_bytes", "mapped", "remove", "segment_file", "sum_of"]

_SUFFIX = ".vectors"

_ALIGNED = 64
"""A document begins at a line of memory."""

_SCANNED = 1 << 20
"""Bytes that are looked through at once."""

_LOCATED = 1 << 16
"""Documents whose places this process remembers: 30 MB."""


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
        end: The first byte behind what is entered. It goes on behind all that was ever written: what is entered no more, or
            what a damaged index does not name, may be compared by somebody now, where it lies.

    Attributes:
        end: Where it goes on.

    Raises:
        BlockingIOError: Another process writes to it.
        OSError: It cannot be made.
    """

    def __init__(self, folder: Path, number: int, capacity: int, end: int = 0) -> None:
        self.number = number
        self._capacity = capacity
        path = segment_file(folder, number)
        self._stream = path.open("r+b" if path.exists() else "w+b", buffering=0)
        try:
            hold(self._stream)
            self.end = max(end, _end_of(self._stream, path, end))
            if path.stat().st_size < capacity:  # never shorter: who compares what was cut off would be killed
                self._stream.truncate(capacity)
        except BaseException:
            self._stream.close()
            raise
        weakref.finalize(self, self._stream.close)

    @property
    def _place(self) -> int:
        """Where the next document begins."""
        return -(-self.end // _ALIGNED) * _ALIGNED

    def has_room(self, size: int) -> bool:
        """Return whether a document of so many bytes fits."""
        return self._place + size <= self._capacity

    def write(self, data: npt.NDArray[np.uint8]) -> int | None:
        """Write a document's vectors and return their place; None where they do not fit.

        Raises:
            OSError: The disk is full, or failed.
        """
        place = self._place
        if not self.has_room(data.nbytes):
            return None
        self._stream.seek(place)
        content = data.data
        while content:
            content = content[self._stream.write(content) :]
        self.end = place + data.nbytes
        return place

    def close(self) -> None:
        """Leave the segment to others."""
        self._stream.close()


def _end_of(stream: BinaryIO, path: Path, least: int) -> int:
    """Return a byte behind all that was written; `least` where nothing is from there on."""
    whole = mapped(path)[: _held_bytes(stream, least)]
    for start in range(least + (len(whole) - least) // _SCANNED * _SCANNED, least - 1, -_SCANNED):
        filled = np.flatnonzero(whole[start : start + _SCANNED])
        if len(filled):
            return start + int(filled[-1]) + 1 + _ALIGNED  # the last numbers of a document may be zeros
    return least


def _held_bytes(stream: BinaryIO, least: int) -> int:
    """Return the file's length without the hole at its end, which need not be looked through."""
    size = os.fstat(stream.fileno()).st_size
    if not hasattr(os, "SEEK_DATA"):  # Windows
        return size
    held = least
    try:
        while held < size:
            held = os.lseek(stream.fileno(), os.lseek(stream.fileno(), held, os.SEEK_DATA), os.SEEK_HOLE)
    except OSError as error:
        return (
            held if error.errno == errno.ENXIO else size
        )  # no more data, or a file system that knows no holes
    return held


class Located:
    """Its caller sees to it that one thread at a time uses it.

    Args:
        path: The folder of the store.

    Attributes:
        used: Segments from which documents were taken; whoever notes them empties it.
    """

    def __init__(self, path: Path) -> None:
        self.used: set[int] = set()
        self._path = path
        self._maps: dict[int, npt.NDArray[np.uint8]] = {}
        self._documents: OrderedDict[bytes, tuple[int, PackedDocument]] = OrderedDict()

    def __contains__(self, key: bytes) -> bool:
        return key in self._documents

    def take(self, keys: Sequence[bytes]) -> list[PackedDocument | None]:
        """Return what is located of each key, which counts as used; the longest unused are forgotten beyond a number."""
        found = [self._documents.get(key) for key in keys]
        for key, one in zip(keys, found, strict=True):
            if one is not None:
                self._documents.move_to_end(key)
                self.used.add(one[0])
        while len(self._documents) > _LOCATED:
            self._documents.popitem(last=False)
        return [None if one is None else one[1] for one in found]

    def locate(self, key: bytes, place: Place) -> bool:
        """Remember where a document lies; return False where it does not lie there, or its checksum is wrong."""
        if not place.is_one:
            return False
        try:
            whole = self._map(place.segment)
        except FileNotFoundError:
            return False
        except OSError:  # too many files are open, say: a miss, which may be none the next time
            return True
        data = whole[place.place : place.place + place.size]
        if len(data) < place.size:  # it was shorter when it was mapped
            self._maps.pop(place.segment, None)
        if len(data) != place.size or sum_of(key, *place[2:5], data) != place.sum:
            return False
        document = PackedDocument.of(data, place.tokens, truncated=bool(place.truncated))
        self._documents[key] = (place.segment, document)
        return True

    def forget(self, gone: Iterable[int]) -> None:
        """Let go of segments."""
        numbers = set(gone)
        if numbers:
            kept = ((key, one) for key, one in self._documents.items() if one[0] not in numbers)
            self._documents = OrderedDict(kept)
            for number in numbers:
                self._maps.pop(number, None)

    def keep_only(self, segments: Iterable[int]) -> None:
        """Let go of all other segments."""
        self.forget(set(self._maps) - set(segments))

    def _map(self, segment: int) -> npt.NDArray[np.uint8]:
        whole = self._maps.get(segment)
        if whole is None:
            whole = self._maps[segment] = mapped(segment_file(self._path, segment))
        return whole


def sum_of(key: bytes, size: int, tokens: int, truncated: int, data: npt.NDArray[np.uint8]) -> int:
    """Return the checksum of a document."""
    head = key + b"".join(number.to_bytes(8, "little") for number in (size, tokens, truncated))
    return zlib.crc32(data.data, zlib.crc32(head))
