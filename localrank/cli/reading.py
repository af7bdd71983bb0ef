"""Files, folders and standard input into documents, each with the place it came from."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from localrank.calling.texts import TEXT_NAMES
from localrank.cli.contents import Decoding, Format, format_by_name, lines_of
from localrank.cli.output import InputError, counted, note
from localrank.cli.paragraphs import Form, split_paragraphs
from localrank.cli.records import Record, json_lines, json_records, parquet_records, table_records, text_in
from localrank.cli.snippets import printable
from localrank.cli.sources import STDIN, Opening, opened, shown

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
        opening: How sources are opened.
    """

    paragraphs: bool = False
    format: Format | None = None
    text_key: str | None = None
    decoding: Decoding = field(default_factory=Decoding)
    opening: Opening = field(default_factory=Opening)


def read_documents(sources: Sequence[str], reading: Reading) -> Generator[InputDocument]:
    """Yield the documents of all `sources`, in their order, while they are read.

    What is held at a time is a line, a row or 1,024 rows of Parquet; a JSON array, a file in paragraphs, text in UTF-16 or
    UTF-32 and one whose lines end in carriage returns alone are held as a whole.

    Args:
        sources: Files, folders (with `paragraphs`) and `-`; none at all means standard input.
        reading: How they are read.

    Raises:
        InputError: Names the file, the line where it can, and the mend.
        MissingDependencyError: A Parquet file without pyarrow.
    """
    is_empty = True
    for source in sources or (STDIN,):
        is_folder = source != STDIN and Path(source).is_dir()
        for document in _from_folder(source, reading) if is_folder else _from_file(source, reading):
            is_empty = False
            yield document
    if is_empty:
        names = ", ".join(map(shown, sources or (STDIN,)))
        raise InputError(f"There are no documents in {names}: nothing but blank lines.")


def _from_folder(folder: str, reading: Reading) -> Iterator[InputDocument]:
    if not reading.paragraphs:
        raise InputError(f"{folder} is a folder. Add --paragraphs to rank the paragraphs of its text files.")
    paths, others = _files_in(folder)
    if not paths:
        also = f", and {len(others):,} of other kinds ({_kinds(others)}). {_ONE_BY_ONE}" if others else "."
        raise InputError(f"{folder} holds no {', '.join(sorted(TEXT_SUFFIXES))} files{also}")
    if others and not reading.opening.again:
        left = counted(len(others), "file of another kind was", "files of other kinds were")
        note(f"{folder}: {left} not read ({_kinds(others)}); {_ONE_BY_ONE[0].lower()}{_ONE_BY_ONE[1:]}")
    for path in paths:
        try:
            documents = list(_from_file(path, reading))
        except InputError as error:
            if not reading.opening.again:
                note(f"skipped: {error.format_message()}")
            continue
        yield from documents


_ONE_BY_ONE = "Those that hold text can be named one by one."

_KINDS_TOLD = 5


def _files_in(folder: str) -> tuple[list[str], list[Path]]:
    """Return the text files of a folder and of those in it, in order, and the other files; hidden ones are neither."""
    texts: list[str] = []
    others: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            if path.suffix.lower() in TEXT_SUFFIXES:
                texts.append(str(path))
            else:
                others.append(path)
    return sorted(texts), others


def _kinds(paths: Sequence[Path]) -> str:
    """Return the endings of files, or their names where they have none; the most frequent first, and not all of many."""
    kinds = Counter(sorted(path.suffix.lower() or path.name for path in paths)).most_common()
    told = [printable(kind) for kind, _ in kinds[:_KINDS_TOLD]]
    return ", ".join([*told, "…"] if len(kinds) > _KINDS_TOLD else told)


def _from_file(source: str, reading: Reading) -> Iterator[InputDocument]:
    origin = None if source == STDIN else source
    kind = reading.format or format_by_name(source)
    with opened(source, reading.opening) as content:
        if content.beginning.startswith(b"PAR1") and kind in {None, "parquet"}:
            file = content.file or io.BytesIO(content.stream.read())
            yield from _from_records(parquet_records(file, source), source, reading, is_table=True)
            return
        if kind == "parquet":
            raise InputError(f"{shown(source)} is no Parquet file.")
        lines = lines_of(content, source, reading.decoding, again=reading.opening.again)
        if reading.paragraphs and kind is None:
            form = FORMS.get(Path(source).suffix.lower(), "markdown")
            for part in split_paragraphs("".join(lines), form):
                yield InputDocument(part.text, part.line, origin, part.heading)
            return
        if kind is None and reading.text_key is None:
            lines, looks_like_json = _looked_through(lines, source)
            kind = "jsonl" if looks_like_json else "lines"
        if kind == "lines":
            for number, line in enumerate(lines, 1):
                text = line.strip()
                if text:
                    yield InputDocument(text, number, origin)
            return
        is_table = kind in {"csv", "tsv"}
        yield from _from_records(_records(lines, source, kind), source, reading, is_table=is_table)


def _records(lines: Iterator[str], source: str, kind: Format | None) -> Iterator[Record]:
    if kind in {None, "jsonl"}:
        return json_lines(lines, source)
    if kind == "json":
        return json_records("".join(lines), source)
    return table_records(lines, source, delimiter="\t" if kind == "tsv" else None)


def _looked_through(lines: Iterator[str], source: str) -> tuple[Iterator[str], bool]:
    """Return the lines, and whether the first is an object with a text where texts are looked for, as tools print them."""
    seen: list[str] = []
    for line in lines:
        seen.append(line)
        if not line.isspace():
            return chain(seen, lines), _is_json_line(line, source)
    return iter(seen), False


def _is_json_line(line: str, source: str) -> bool:
    if not line.lstrip().startswith("{") or Path(source).suffix.lower() in TEXT_SUFFIXES:
        return False
    try:
        value = json.loads(line)
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
