"""Files, folders and standard input into documents, each with the place it came from."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from localrank.calling.texts import TEXT_NAMES
from localrank.cli.output import InputError, stdin_is_terminal
from localrank.cli.paragraphs import Form, split_paragraphs
from localrank.contract.errors import InvalidRequestError
from localrank.providers.lines import json_kind, json_object

__all__ = ["InputDocument", "read_documents"]

TEXT_SUFFIXES = frozenset({".md", ".markdown", ".txt", ".rst"})
"""What is read from a folder."""

FORMS: Mapping[str, Form] = {".txt": "plain", ".rst": "rst"}
"""How a text is written, where it is not in Markdown."""

JSON_LINES_SUFFIXES = frozenset({".jsonl", ".ndjson"})
STDIN = "-"

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class InputDocument:
    """One document and where it stands.

    Attributes:
        text: What is shown and printed.
        line: Its first line in the source, from 1.
        source: The file; None for standard input.
        heading: The headings it stands under.
        record: The whole JSON object it came in.
    """

    text: str
    line: int
    source: str | None = None
    heading: str = ""
    record: Mapping[str, Any] | None = None

    @property
    def scored_text(self) -> str:
        """What the model reads: the text, after the headings it stands under."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


def read_documents(sources: Sequence[str], *, paragraphs: bool, text_key: str | None) -> list[InputDocument]:
    """Return the documents of all `sources`, in their order.

    Args:
        sources: Files, folders (with `paragraphs`) and `-`; none at all means standard input.
        paragraphs: A document is a paragraph, not a line.
        text_key: A document is a JSON object a line, its text under this key.

    Raises:
        InputError: Names the file, the line where it can, and the mend.
    """
    documents: list[InputDocument] = []
    for source in sources or (STDIN,):
        if source != STDIN and Path(source).is_dir():
            documents += _from_folder(source, paragraphs=paragraphs)
        else:
            documents += _from_text(_read(source), source, paragraphs=paragraphs, text_key=text_key)
    if not documents:
        names = ", ".join("standard input" if name == STDIN else name for name in sources or (STDIN,))
        raise InputError(f"There are no documents in {names}: nothing but blank lines.")
    return documents


def _from_folder(folder: str, *, paragraphs: bool) -> Iterator[InputDocument]:
    if not paragraphs:
        raise InputError(f"{folder} is a folder. Add --paragraphs to rank the paragraphs of its text files.")
    paths = sorted(_text_files(folder))
    if not paths:
        raise InputError(f"{folder} holds no {', '.join(sorted(TEXT_SUFFIXES))} files.")
    for path in paths:
        try:
            text = _read(path)
        except InputError as error:
            click.echo(f"localrank: skipped: {error.format_message()}", err=True)
            continue
        yield from _from_text(text, path, paragraphs=True, text_key=None)


def _text_files(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if path.suffix.lower() in TEXT_SUFFIXES and not name.startswith("."):
                yield str(path)


def _from_text(text: str, source: str, *, paragraphs: bool, text_key: str | None) -> Iterable[InputDocument]:
    origin = None if source == STDIN else source
    suffix = Path(source).suffix.lower()
    if text_key is not None or suffix in JSON_LINES_SUFFIXES:
        return _from_json_lines(text, source, (text_key,) if text_key else TEXT_NAMES)
    if paragraphs:
        paragraphs_found = split_paragraphs(text, FORMS.get(suffix, "markdown"))
        return [InputDocument(part.text, part.line, origin, part.heading) for part in paragraphs_found]
    lines = enumerate(text.split("\n"), 1)
    return [InputDocument(line.strip(), number, origin) for number, line in lines if line.strip()]


def _from_json_lines(text: str, source: str, keys: Sequence[str]) -> Iterator[InputDocument]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json_object(line, _shown(source), number, finite=True)
        except InvalidRequestError as error:
            raise InputError(str(error)) from None
        place = f"{_shown(source)}:{number}"
        yield _from_record(record, place, keys, number, None if source == STDIN else source)


def _from_record(
    record: Mapping[str, Any], place: str, keys: Sequence[str], number: int, source: str | None
) -> InputDocument:
    key = next((name for name in keys if name in record), None)
    if key is None:
        wanted = " or ".join(repr(name) for name in keys)
        raise InputError(
            f"{place}: no key {wanted}; the object has {_listed(record)}. Name the text's key with --text-key."
        )
    if not isinstance(record[key], str):
        raise InputError(f"{place}: the value of {key!r} is a {json_kind(record[key])}, not a string.")
    return InputDocument(record[key], number, source, record=record)


def _listed(record: Mapping[str, Any], limit: int = 6) -> str:
    names = ", ".join(repr(name[:30]) for name in list(record)[:limit])
    return f"{names}, …" if len(record) > limit else names or "no keys"


def _read(source: str) -> str:
    if source == STDIN and sys.stdin is None:
        raise InputError("Standard input is closed, and no file is named.")
    if source == STDIN and stdin_is_terminal():
        click.echo("localrank: reading documents, one a line, up to Ctrl-D.", err=True)
    try:
        data = sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
    except OSError as error:
        raise InputError(f"{source}: {error.strerror or error}.") from None
    return _decoded(data, source).replace("\r\n", "\n")


def _decoded(data: bytes, source: str) -> str:
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{_shown(source)}:{line}: not UTF-8 text (byte 0x{data[error.start]:02x}). "
            "Convert it first, for example with iconv."
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{_shown(source)}:{line}: a zero byte; this is no text file.")
    return text.removeprefix("\ufeff")


def _shown(source: str) -> str:
    return "standard input" if source == STDIN else source
