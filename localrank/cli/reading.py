"""Files, folders and standard input into documents, each with the place it came from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from localrank.calling.texts import TEXT_NAMES
from localrank.cli.contents import STDIN, Decoding, Format, decoded, format_by_name, read_bytes, shown
from localrank.cli.output import InputError
from localrank.cli.paragraphs import Form, split_paragraphs
from localrank.cli.records import Record, json_lines, json_records, parquet_records, table_records, text_in

__all__ = ["InputDocument", "Reading", "read_documents"]

TEXT_SUFFIXES = frozenset({".md", ".markdown", ".txt", ".rst"})
"""What is read from a folder."""

FORMS: Mapping[str, Form] = {".txt": "plain", ".rst": "rst"}
"""How a text is written, where it is not in Markdown."""


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


@dataclass(frozen=True, slots=True)
class Reading:
    """How sources are read.

    Attributes:
        paragraphs: A document is a paragraph, not a line.
        format: Of every source; None means what its name or its beginning tells.
        text_key: Where a record has its text: a key, a column or a path.
        decoding: How bytes become text.
    """

    paragraphs: bool = False
    format: Format | None = None
    text_key: str | None = None
    decoding: Decoding = field(default_factory=Decoding)


def read_documents(sources: Sequence[str], reading: Reading) -> list[InputDocument]:
    """Return the documents of all `sources`, in their order.

    Args:
        sources: Files, folders (with `paragraphs`) and `-`; none at all means standard input.
        reading: How they are read.

    Raises:
        InputError: Names the file, the line where it can, and the mend.
        MissingDependencyError: A Parquet file without pyarrow.
    """
    documents: list[InputDocument] = []
    for source in sources or (STDIN,):
        if source != STDIN and Path(source).is_dir():
            documents += _from_folder(source, reading)
        else:
            documents += _from_file(source, reading)
    if not documents:
        names = ", ".join(map(shown, sources or (STDIN,)))
        raise InputError(f"There are no documents in {names}: nothing but blank lines.")
    return documents


def _from_folder(folder: str, reading: Reading) -> Iterator[InputDocument]:
    if not reading.paragraphs:
        raise InputError(f"{folder} is a folder. Add --paragraphs to rank the paragraphs of its text files.")
    paths = sorted(_text_files(folder))
    if not paths:
        raise InputError(f"{folder} holds no {', '.join(sorted(TEXT_SUFFIXES))} files.")
    for path in paths:
        try:
            documents = _from_file(path, reading)
        except InputError as error:
            click.echo(f"localrank: skipped: {error.format_message()}", err=True)
            continue
        yield from documents


def _text_files(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if path.suffix.lower() in TEXT_SUFFIXES and not name.startswith("."):
                yield str(path)


def _from_file(source: str, reading: Reading) -> Iterable[InputDocument]:
    origin = None if source == STDIN else source
    data = read_bytes(source)
    kind = reading.format or format_by_name(source)
    if data.startswith(b"PAR1") and kind in {None, "parquet"}:
        return _from_records(parquet_records(data, source), source, reading, is_table=True)
    if kind == "parquet":
        raise InputError(f"{shown(source)} is no Parquet file.")
    text = decoded(data, source, reading.decoding)
    if reading.paragraphs and kind is None:
        form = FORMS.get(Path(source).suffix.lower(), "markdown")
        return [
            InputDocument(part.text, part.line, origin, part.heading) for part in split_paragraphs(text, form)
        ]
    if kind is None and (reading.text_key is not None or _looks_like_json_lines(text, source)):
        kind = "jsonl"
    if kind in {None, "lines"}:
        lines = enumerate(text.split("\n"), 1)
        return [InputDocument(line.strip(), number, origin) for number, line in lines if line.strip()]
    return _from_records(_records(text, source, kind), source, reading, is_table=kind in {"csv", "tsv"})


def _records(text: str, source: str, kind: Format | None) -> Iterator[Record]:
    if kind == "jsonl":
        return json_lines(text, source)
    if kind == "json":
        return json_records(text, source)
    return table_records(text, source, delimiter="\t" if kind == "tsv" else None)


def _looks_like_json_lines(text: str, source: str) -> bool:
    """Whether the first line is an object with a text where texts are looked for, as other tools print them."""
    first = text.lstrip().partition("\n")[0]
    if not first.startswith("{") or Path(source).suffix.lower() in TEXT_SUFFIXES:
        return False
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return any(isinstance(value.get(name), str) for name in TEXT_NAMES)


def _from_records(
    records: Iterable[Record], source: str, reading: Reading, *, is_table: bool
) -> Iterator[InputDocument]:
    origin = None if source == STDIN else source
    keys = (reading.text_key,) if reading.text_key else TEXT_NAMES
    for number, record in records:
        if isinstance(record, str):
            yield InputDocument(record, number, origin)
            continue
        alone = is_table and not reading.text_key and len(record) == 1
        option = "--text-column" if is_table else "--text-key"
        text = text_in(record, f"{shown(source)}:{number}", [*record] if alone else keys, option)
        yield InputDocument(text, number, origin, record=record)
