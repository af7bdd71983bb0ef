"""The bytes of a graph's file: read where anybody may write to it, mapped only where it is replaced and never written over.

A file that is cut short while it is mapped ends the process with SIGBUS, in whichever thread next looks at a page that is gone.
"""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO, overload

from localrank_transformers.models.onnx_file.wire import MalformedOnnxError

__all__ = ["FileContent", "identity", "looked_at", "mapped", "may_stay_mapped", "whole"]

_BLOCK = 1 << 16


class FileContent:
    """A file's bytes by index and slice, read block by block; safe whatever others do to the file meanwhile.

    Args:
        stream: The open file, unbuffered.
    """

    def __init__(self, stream: BinaryIO | FileIO) -> None:
        self._stream = stream
        self._size = os.fstat(stream.fileno()).st_size
        self._start, self._block = 0, b""

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> bytes: ...
    def __getitem__(self, at: int | slice) -> int | bytes:
        if isinstance(at, slice):
            start, stop, _ = at.indices(self._size)
            return self._read(start, max(0, stop - start))
        place = at - self._start
        if not 0 <= place < len(self._block):
            self._start = at - at % _BLOCK
            self._block = self._read(self._start, min(_BLOCK, self._size - self._start))
            place = at - self._start
        return self._block[place]

    def _read(self, start: int, length: int) -> bytes:
        self._stream.seek(start)
        parts = []
        while length > 0:
            part = self._stream.read(length)
            if not part:
                raise MalformedOnnxError("it became shorter while it was read")
            parts.append(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


@contextmanager
def looked_at(onnx: Path) -> Iterator[FileContent]:
    """Open a file to look at its structure.

    Raises:
        OSError: It cannot be opened.
    """
    with onnx.open("rb", buffering=0) as stream:
        yield FileContent(stream)


def whole(onnx: Path) -> bytes:
    """Return a file's content.

    Raises:
        OSError: It cannot be read.
        MalformedOnnxError: It became shorter meanwhile.
    """
    with looked_at(onnx) as content:
        return content[:]


def mapped(onnx: Path) -> mmap.mmap:
    """Map a file.

    Raises:
        OSError: It cannot be opened.
        MalformedOnnxError: It is empty.
    """
    with onnx.open("rb") as stream:
        try:
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise MalformedOnnxError("it is empty") from error


def may_stay_mapped(onnx: Path, *, is_kept: bool) -> bool:
    """Return whether a file may be mapped for as long as a model is loaded.

    Args:
        onnx: The file.
        is_kept: Whether those who put it there replace it and never write over it.
    """
    if not is_kept:
        return False
    try:
        found = onnx.stat()
    except OSError:
        return False
    if os.name == "nt":  # a mapped file cannot be changed there
        return True
    owners = (0, os.geteuid())
    return found.st_uid in owners and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def identity(onnx: Path) -> tuple[int, ...]:
    """Return what changes when a file is replaced or written over.

    Raises:
        OSError: It cannot be looked at.
    """
    found = onnx.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
