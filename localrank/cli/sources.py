"""Files and standard input as streams of bytes: unpacked, counted, refused where they are known to hold no text."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import click

from localrank.cli.output import InputError, stdin_is_terminal

__all__ = [
    "STDIN",
    "Content",
    "Opening",
    "bytes_of",
    "kept_sources",
    "named_once",
    "opened",
    "shown",
    "without_packing",
]

STDIN = "-"

_BEGINNING = 512
"""Bytes that are looked at to tell what a file is."""

_AT_ONCE = 1 << 18
"""Bytes that are read together."""

_PACKED: Mapping[str, tuple[bytes, Callable[[IO[bytes]], Any]]] = {
    ".gz": (b"\x1f\x8b", gzip.open),
    ".bz2": (b"BZh", bz2.open),
    ".xz": (b"\xfd7zXZ\x00", lzma.open),
}

_NOT_TEXT = (
    (b"%PDF-", "a PDF", "Get its text first, for example with pdftotext."),
    (
        b"PK\x03\x04",
        "a ZIP archive, as Word, Excel and EPUB files are",
        "Get its text first, for example with pandoc.",
    ),
    (b"\xd0\xcf\x11\xe0", "an old Office file", "Get its text first, for example with pandoc."),
    (b"\x89PNG", "an image", "Get its text first, for example with tesseract."),
    (b"\xff\xd8\xff", "an image", "Get its text first, for example with tesseract."),
    (b"GIF8", "an image", "Get its text first, for example with tesseract."),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "Unpack it first: zstd -d FILE."),
    (
        b"SQLite format 3\x00",
        "an SQLite database",
        'Print a column first: sqlite3 FILE "select text from t".',
    ),
)
"""How files begin that people have beside their texts, what they are, and the way to a text."""

_TAR = slice(257, 262)


@dataclass(frozen=True, slots=True)
class Opening:
    """How sources are opened.

    Attributes:
        kept: Source that can be read once → a file with what it held, from `kept_sources`.
        on_bytes: Told of each piece how many bytes it has, before it is unpacked.
        again: Everything was read before, and what was said of it need not be said again.
        files: Gets the name of each file that is opened, in their order, and what it was then.
    """

    kept: Mapping[str, IO[bytes]] = field(default_factory=dict)
    on_bytes: Callable[[int], None] | None = None
    again: bool = False
    files: list[tuple[str, os.stat_result]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Content:
    """What a source holds.

    Attributes:
        beginning: Its first bytes.
        stream: All of it, from the first byte.
        file: The same where it is a file of its own that can be read in any order, from whichever place it stands at.
    """

    beginning: bytes
    stream: IO[bytes]
    file: IO[bytes] | None = None


def shown(source: str) -> str:
    """Return a source's name as messages call it."""
    return "standard input" if source == STDIN else source


def without_packing(source: str) -> Path:
    """Return the path that a file would have unpacked."""
    path = Path(source)
    return path.with_suffix("") if path.suffix.lower() in _PACKED else path


def named_once(
    _context: click.Context, _argument: click.Parameter, sources: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the sources of a command.

    Raises:
        UsageError: Standard input is named more than once.
    """
    if sources.count(STDIN) > 1:
        raise click.UsageError("- stands twice, and standard input can be read only once.")
    return sources


def bytes_of(sources: Sequence[str], kept: Mapping[str, IO[bytes]] | None = None) -> int | None:
    """Return how many bytes `sources` hold, packed as they are; None where that is not known before the end."""
    total = 0
    for source in sources or (STDIN,):
        if kept and source in kept:
            total += kept[source].seek(0, io.SEEK_END)
        elif source != STDIN and Path(source).is_file():
            total += Path(source).stat().st_size
        else:
            return None
    return total


@contextmanager
def kept_sources(
    sources: Sequence[str], on_bytes: Callable[[int], None] | None = None
) -> Iterator[dict[str, IO[bytes]]]:
    """Yield files that hold what standard input and pipes among `sources` held, which can be read only once.

    Raises:
        InputError: One cannot be read, or there is no room for it.
    """
    with ExitStack() as stack:
        kept: dict[str, IO[bytes]] = {}
        for source in dict.fromkeys(sources or (STDIN,)):
            if source == STDIN or Path(source).is_fifo():
                kept[source] = _kept(source, stack, on_bytes)
        yield kept


def _kept(source: str, stack: ExitStack, on_bytes: Callable[[int], None] | None) -> IO[bytes]:
    try:
        file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed by the stack
        with _raw(source) as raw:
            stream = _Told(b"", raw, on_bytes)
            for piece in iter(lambda: _piece(stream, source), b""):
                file.write(piece)
            file.flush()
    except OSError as error:
        raise InputError(
            f"{shown(source)} can be read only once and cannot be kept for a moment: {error.strerror or error}. "
            "Set TMPDIR to a folder with room, or name a file."
        ) from None
    return file


def _piece(stream: io.RawIOBase, source: str) -> bytes:
    try:
        return stream.read(_AT_ONCE) or b""
    except OSError as error:
        raise InputError(f"{shown(source)}: {error.strerror or error}.") from None


@contextmanager
def opened(source: str, opening: Opening) -> Iterator[Content]:
    """Open a source, unpacked where it is packed by gzip, bzip2 or xz.

    Raises:
        InputError: It cannot be read, is no ordinary file, is damaged, or is known to hold no text; also while it is read.
    """
    with ExitStack() as stack:
        file = opening.kept.get(source)
        try:
            if file is not None:
                file.seek(0)
            raw = file or stack.enter_context(_raw(source))
            if file is None and source != STDIN:
                opening.files.append((source, os.fstat(raw.fileno())))
            beginning, stream = _looked_at(raw, opening.on_bytes)
            unpack = next((unpack for mark, unpack in _PACKED.values() if beginning.startswith(mark)), None)
        except OSError as error:
            raise InputError(f"{shown(source)}: {error.strerror or error}.") from None
        try:
            if unpack is not None:
                beginning, stream = _looked_at(unpack(stream), None)
            _refuse_no_text(source, beginning)
            yield Content(beginning, stream, None if unpack is not None or not raw.seekable() else raw)
        except BrokenPipeError:  # of a note
            raise
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            if unpack is None:
                raise InputError(f"{shown(source)}: {getattr(error, 'strerror', None) or error}.") from None
            raise InputError(f"{shown(source)} is packed and damaged: {error}.") from None


def _refuse_no_text(source: str, beginning: bytes) -> None:
    for mark, what, way_out in _NOT_TEXT:
        if beginning.startswith(mark):
            raise InputError(f"{shown(source)} is {what}, which is no text. {way_out}")
    if beginning[_TAR] == b"ustar":
        raise InputError(
            f"{shown(source)} is a tar archive, which is no text. Unpack it first: tar -xf FILE."
        )
    if any(beginning.startswith(mark) for mark, _ in _PACKED.values()):
        raise InputError(f"{shown(source)} is packed more than once. Unpack it first, once.")


@contextmanager
def _raw(source: str) -> Iterator[IO[bytes]]:
    if source == STDIN and sys.stdin is None:
        raise InputError("Standard input is closed, and no file is named.")
    if source == STDIN:
        if stdin_is_terminal():
            click.echo("localrank: reading documents, one a line, up to Ctrl-D.", err=True)
        yield sys.stdin.buffer
        return
    try:
        if stat.S_ISCHR(Path(source).stat().st_mode):
            raise InputError(
                f"{source} is a device, which may have no end. Name a file, or - for standard input."
            )
        file = Path(source).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise InputError(f"{source}: {error.strerror or error}.") from None
    with file:
        yield file


def _looked_at(file: IO[bytes], on_bytes: Callable[[int], None] | None) -> tuple[bytes, IO[bytes]]:
    """Return the beginning of a file, and a stream from there on that still begins with it."""
    beginning = file.read(_BEGINNING)
    told = _Told(beginning, file, on_bytes, ended=len(beginning) < _BEGINNING)
    return beginning, io.BufferedReader(told, _AT_ONCE)


class _Told(io.RawIOBase):
    """Bytes that were read before and the rest of a file, with word of how many passed.

    A file that gave less than it was asked for is at its end and is not asked again: a terminal would wait for another.
    """

    def __init__(
        self, ahead: bytes, file: IO[bytes], on_bytes: Callable[[int], None] | None, *, ended: bool = False
    ) -> None:
        self._ahead = ahead
        self._file = file
        self._on_bytes = on_bytes
        self._ended = ended

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._ahead and not self._ended:
            self._ahead = self._file.read(len(buffer))
            self._ended = len(self._ahead) < len(buffer)
        count = min(len(self._ahead), len(buffer))
        buffer[:count] = self._ahead[:count]
        self._ahead = self._ahead[count:]
        if self._on_bytes is not None:
            self._on_bytes(count)
        return count
