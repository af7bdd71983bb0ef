"""What a file holds: its bytes, unpacked, as text, in the format that its name or its beginning tells."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import stat
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from localrank.cli.output import InputError, note, stdin_is_terminal

__all__ = [
    "ERRORS",
    "FORMATS",
    "STDIN",
    "Decoding",
    "Errors",
    "Format",
    "decoded",
    "format_by_name",
    "known_encoding",
    "read_bytes",
    "shown",
]

STDIN = "-"

Format = Literal["lines", "jsonl", "json", "csv", "tsv", "parquet"]
FORMATS: tuple[Format, ...] = ("lines", "jsonl", "json", "csv", "tsv", "parquet")

Errors = Literal["replace", "skip", "strict"]
ERRORS: tuple[Errors, ...] = ("replace", "skip", "strict")
"""What a line that is not in the encoding costs: its wrong bytes, itself, or the whole file."""

_BY_SUFFIX: Mapping[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}

_PACKED: Mapping[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    ".gz": (b"\x1f\x8b", gzip.decompress),
    ".bz2": (b"BZh", bz2.decompress),
    ".xz": (b"\xfd7zXZ\x00", lzma.decompress),
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

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Decoding:
    """How bytes become text.

    Attributes:
        encoding: Of files without a byte order mark.
        errors: See `ERRORS`.
    """

    encoding: str = "utf-8"
    errors: Errors = "replace"


def known_encoding(context: click.Context, parameter: click.Parameter, name: str) -> str:
    """Return the name of an encoding that Python has.

    Raises:
        BadParameter: It has none of that name for text.
    """
    try:
        "".encode(name)
    except (LookupError, ValueError, TypeError):
        raise click.BadParameter(
            f"{name!r} is no encoding of text; utf-8, latin-1 and cp1252 are.", context, parameter
        ) from None
    return name


def shown(source: str) -> str:
    """Return a source's name as messages call it."""
    return "standard input" if source == STDIN else source


def format_by_name(source: str) -> Format | None:
    """Return the format that a file's name tells, `.gz` and the like put aside; None where it tells none."""
    path = Path(source)
    if path.suffix.lower() in _PACKED:
        path = path.with_suffix("")
    return _BY_SUFFIX.get(path.suffix.lower())


def read_bytes(source: str) -> bytes:
    """Return what a file or standard input holds, unpacked where it is packed by gzip, bzip2 or xz.

    Raises:
        InputError: It cannot be read, is no ordinary file, is damaged, or is known to hold no text.
    """
    if source == STDIN and sys.stdin is None:
        raise InputError("Standard input is closed, and no file is named.")
    if source == STDIN and stdin_is_terminal():
        click.echo("localrank: reading documents, one a line, up to Ctrl-D.", err=True)
    try:
        if source != STDIN and stat.S_ISCHR(Path(source).stat().st_mode):
            raise InputError(
                f"{source} is a device, which may have no end. Name a file, or - for standard input."
            )
        data = sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
    except OSError as error:
        raise InputError(f"{source}: {error.strerror or error}.") from None
    data = _unpacked(data, source)
    for beginning, what, way_out in _NOT_TEXT:
        if data.startswith(beginning):
            raise InputError(f"{shown(source)} is {what}, which is no text. {way_out}")
    return data


def _unpacked(data: bytes, source: str) -> bytes:
    for beginning, unpack in _PACKED.values():
        if data.startswith(beginning):
            try:
                return unpack(data)
            except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
                raise InputError(f"{shown(source)} is packed and damaged: {error}.") from None
    return data


def decoded(data: bytes, source: str, decoding: Decoding) -> str:
    """Return bytes as text, with one line feed at the end of each line.

    Raises:
        InputError: It is no text, or, with `errors` strict, a line is not in the encoding.
    """
    marked = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    encoding = marked or decoding.encoding
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        text = _line_by_line(data, source, encoding, decoding, error)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(
            f"{shown(source)}:{line}: a zero byte; this is no text file, or its text is in another encoding than {encoding} "
            "(--encoding utf-16)."
        )
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _line_by_line(
    data: bytes, source: str, encoding: str, decoding: Decoding, error: UnicodeDecodeError
) -> str:
    name = "UTF-8" if codecs.lookup(encoding).name == "utf-8" else encoding
    if decoding.errors == "strict":
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{shown(source)}:{line}: not {name} text (byte 0x{data[error.start]:02x}). Name the encoding, as in "
            "--encoding latin-1, or allow for it with --errors replace or skip."
        )
    if (
        encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    ):  # whose lines do not end in the byte \n
        note(f"warning: {shown(source)} is not all {name}; what could not be read is shown as \ufffd.")
        return data.decode(encoding, "replace")
    lines: list[str] = []
    wrong: list[int] = []
    for number, raw in enumerate(data.split(b"\n"), 1):
        try:
            lines.append(raw.decode(encoding))
        except UnicodeDecodeError:
            wrong.append(number)
            lines.append("" if decoding.errors == "skip" else raw.decode(encoding, "replace"))
    fate = "left out" if decoding.errors == "skip" else "read with \ufffd for the wrong bytes"
    one = len(wrong) == 1
    which = f"line {wrong[0]} is" if one else f"{len(wrong):,} lines, the first {wrong[0]}, are"
    note(f"warning: {shown(source)}: {which} not {name} and {'is' if one else 'are'} {fate}; see --encoding.")
    return "\n".join(lines)
