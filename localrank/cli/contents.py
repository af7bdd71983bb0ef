"""What a file holds: its bytes as lines of text, in the format that its name or its beginning tells."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import click

from localrank.cli.output import InputError, note
from localrank.cli.sources import Content, shown, without_packing

__all__ = [
    "ERRORS",
    "FORMATS",
    "Decoding",
    "Errors",
    "Format",
    "format_by_name",
    "known_encoding",
    "lines_of",
]

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

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32"),
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


def format_by_name(source: str) -> Format | None:
    """Return the format that a file's name tells, `.gz` and the like put aside; None where it tells none."""
    return _BY_SUFFIX.get(without_packing(source).suffix.lower())


def lines_of(content: Content, source: str, decoding: Decoding, *, again: bool = False) -> Iterator[str]:
    """Yield the lines of a source as text, each with one line feed at its end, the last perhaps without.

    A line ends in a line feed, perhaps after a carriage return; in a file that has none, in a carriage return.

    Args:
        content: What it holds.
        source: Its name, for an error.
        decoding: How bytes become text; a byte order mark has the last word.
        again: Wrong lines were told of before.

    Raises:
        InputError: It is no text, or, with `errors` strict, a line is not in the encoding.
    """
    marked = next((name for mark, name in _BYTE_ORDER_MARKS if content.beginning.startswith(mark)), None)
    encoding = marked or decoding.encoding
    if "\n".encode(encoding) == b"\n":
        lines = _line_by_line(content.stream, source, encoding, decoding, again=again)
    else:
        lines = _all_at_once(content.stream.read(), source, encoding, decoding, again=again)
    for number, line in enumerate(_parted(lines), 1):
        if "\0" in line:
            raise InputError(
                f"{shown(source)}:{number}: a zero byte; this is no text file, or its text is in another encoding than "
                f"{encoding} (--encoding utf-16)."
            )
        whole = line.removeprefix("\ufeff") if number == 1 else line
        yield f"{whole[:-2]}\n" if whole.endswith("\r\n") else whole


def _parted(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines; those of a file without a line feed, as spreadsheets save for the Macintosh, end in carriage returns."""
    first = next(lines, "")
    if not first.endswith("\n") and "\r" in first:
        yield from io.StringIO(first, newline=None)
    elif first:
        yield first
    yield from lines


def _line_by_line(
    stream: Iterable[bytes], source: str, encoding: str, decoding: Decoding, *, again: bool
) -> Iterator[str]:
    wrong, first = 0, 0
    for number, raw in enumerate(stream, 1):
        try:
            line = raw.decode(encoding)
        except UnicodeDecodeError as error:
            if decoding.errors == "strict":
                raise _not_in(encoding, source, number, raw[error.start]) from None
            wrong, first = wrong + 1, first or number
            line = "\n" if decoding.errors == "skip" else raw.decode(encoding, "replace")
        yield line
    if wrong and not again:
        _tell_of(wrong, first, source, encoding, decoding)


def _all_at_once(
    data: bytes, source: str, encoding: str, decoding: Decoding, *, again: bool
) -> Iterator[str]:
    """Read text whose lines do not end in the byte of a line feed, as in UTF-16."""
    try:
        yield from io.StringIO(data.decode(encoding))
        return
    except UnicodeDecodeError as error:
        if decoding.errors == "strict":
            line = data[: error.start].decode(encoding).count("\n") + 1
            raise _not_in(encoding, source, line, data[error.start]) from None
    wrong, first = 0, 0
    for number, text in enumerate(io.StringIO(data.decode(encoding, _MARKED)), 1):
        if _MARK not in text:
            yield text
            continue
        wrong, first = wrong + 1, first or number
        yield "\n" if decoding.errors == "skip" else text.replace(_MARK, "\ufffd")
    if not again:
        _tell_of(wrong, first, source, encoding, decoding)


_MARK = "\udfff"
"""No encoding of text has it."""

_MARKED = "localrank-marked"
codecs.register_error(_MARKED, lambda error: (_MARK, error.end))  # type: ignore[attr-defined]


def _tell_of(wrong: int, first: int, source: str, encoding: str, decoding: Decoding) -> None:
    fate = "left out" if decoding.errors == "skip" else "read with \ufffd for the wrong bytes"
    which = f"line {first} is" if wrong == 1 else f"{wrong:,} lines, the first {first}, are"
    note(
        f"warning: {shown(source)}: {which} not {_written(encoding)} and {'is' if wrong == 1 else 'are'} {fate}; "
        "see --encoding."
    )


def _not_in(encoding: str, source: str, line: int, byte: int) -> InputError:
    return InputError(
        f"{shown(source)}:{line}: not {_written(encoding)} text (byte 0x{byte:02x}). Name the encoding, as in "
        "--encoding latin-1, or allow for it with --errors replace or skip."
    )


def _written(encoding: str) -> str:
    return "UTF-8" if codecs.lookup(encoding).name == "utf-8" else encoding
