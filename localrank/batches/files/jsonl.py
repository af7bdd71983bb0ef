"""JSON Lines as an input, an object a line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from localrank.batches.amounts import Amount, amount_of
from localrank.batches.columns import Columns
from localrank.batches.cutting import cut
from localrank.batches.files.packed import Packing, opened, packed, packing_of, reading
from localrank.batches.files.part import Part
from localrank.batches.rows import Layout, RankedRows, Rows, key_of, keys_of, lists_of
from localrank.batches.together import survey
from localrank.batches.trec import Named
from localrank.contract.errors import InvalidDataError
from localrank.providers.lines import finite_json

__all__ = ["JsonLines", "json_line", "lines_of"]

_LONGEST_LINE = 1 << 28
"""Bytes of a line that are read: a file without line ends is no JSON Lines."""


class JsonLines:
    """JSON Lines; a line that holds no object is a reject.

    Args:
        path: The file.
        columns: The names of keys.

    Raises:
        InvalidDataError: It cannot be read, or its first object lacks a key.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self._packing: Packing = packing_of(path)
        self.suffix = f".jsonl{self._packing}"
        self.files: Mapping[str, Path] = {"input": path}
        self.layout: Layout = "candidates"
        for row in self._rows(0):
            if isinstance(row, dict):
                columns.check([*row], str(path))
                self.layout = "queries" if isinstance(row[columns.text], list) else "candidates"
                break

    def survey(self, on_rows: Callable[[int], None]) -> int:
        """Return the number of rows: see `Source`."""
        keys = (key if self.layout == "candidates" else None for _, key in self._keyed(0))
        return survey(str(self._path), keys, on_rows)

    def parts(self, start: int, most: int) -> Iterator[Part]:
        """Yield the parts; lines before `start` are read over."""
        for lines in cut(self._cut_by(start), most):
            yield _LinesPart(lines, start, self.layout, self._columns, self._packing)
            start += len(lines)

    def close(self) -> None:
        """Do nothing: a file is open only while it is read."""

    def _cut_by(self, start: int) -> Iterator[tuple[dict[str, Any] | str, Any, int]]:
        name, added = self._columns.text, [name for _, name in self._columns.added]
        for row, key in self._keyed(start):
            size = 1 if self.layout == "candidates" else _length(row, name)
            yield _unless_taken(row, added), key, size

    def _keyed(self, start: int) -> Iterator[tuple[dict[str, Any] | str, Any]]:
        """Yield each row with its key: see `keys_of`."""
        query, group = self._columns.query, self._columns.group
        key: Any = None
        for number, row in enumerate(self._rows(start)):
            if self.layout == "queries":
                key = number
            elif isinstance(row, dict):
                key = key_of(row.get(query), None if group is None else (row.get(group),), key)
            yield row, key

    def _rows(self, start: int) -> Iterator[dict[str, Any] | str]:
        """Yield the object of each line from `start` on, or why there is none."""
        for line in lines_of(self._path, start):
            yield _object_in(line)


def _unless_taken(row: dict[str, Any] | str, added: Sequence[str]) -> dict[str, Any] | str:
    if isinstance(row, dict):
        for name in added:
            if name in row:
                return f"the row has a column {name!r} already"
    return row


def _length(row: dict[str, Any] | str, name: str) -> int:
    texts = row.get(name) if isinstance(row, dict) else None
    return len(texts) if isinstance(texts, list) else 0


def lines_of(path: Path, start: int = 0) -> Iterator[bytes]:
    """Yield the lines of a file from `start` on, without a byte order mark.

    Raises:
        InvalidDataError: It cannot be read, or has a line without end.
    """
    with reading(path), opened(path) as file:
        number = 0
        while line := _next_line(file, path):
            if number >= start:
                yield line if number else line.removeprefix(codecs.BOM_UTF8)
            number += 1


def _next_line(file: IO[bytes], path: Path) -> bytes:
    line = file.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE:
        raise InvalidDataError(
            f"{path} has a line of more than {_LONGEST_LINE:,} bytes.", hint="Is it of another kind?"
        )
    return line


def _keys(rows: Sequence[dict[str, Any] | str], columns: Columns) -> list[Any]:
    groups = None if columns.group is None else _column(rows, columns.group)
    return keys_of(_column(rows, columns.query), groups)


def _column(rows: Sequence[dict[str, Any] | str], name: str) -> list[Any]:
    return [row.get(name) if isinstance(row, dict) else None for row in rows]


_ENCODER = json.JSONEncoder(ensure_ascii=False)


def _object_in(line: bytes) -> dict[str, Any] | str:
    try:
        value = finite_json(line.decode())
    except UnicodeDecodeError:
        return "the line is no UTF-8"
    except (ValueError, RecursionError):
        return "the line is no JSON"
    return value if isinstance(value, dict) else "the line is no JSON object"


@dataclass(frozen=True, slots=True)
class _LinesPart:
    lines: Sequence[dict[str, Any] | str]
    start: int
    layout: Layout
    columns: Columns
    packing: Packing

    @property
    def rows(self) -> int:
        return len(self.lines)

    def named(self) -> Named:
        queries = _column(self.lines, self.columns.group or self.columns.query)
        return Named(
            self.layout,
            self._keys(),
            queries,
            _column(self.lines, self.columns.id or ""),
            _column(self.lines, self.columns.text),
        )

    def read(self, faults: Mapping[int, str]) -> Rows:
        broken = {place: row for place, row in enumerate(self.lines) if isinstance(row, str)}
        return Rows(
            self.layout,
            _column(self.lines, self.columns.query),
            _column(self.lines, self.columns.text),
            self._keys(),
            {**faults, **broken},
        )

    def written(self, found: RankedRows) -> bytes:
        added = self.columns.added
        lines: list[bytes] = []
        for place in found.kept():
            row = self.lines[place]
            if isinstance(row, dict):
                lines.append(json_line({**row, **{name: found.said[what][place] for what, name in added}}))
        return packed(b"".join(lines), self.packing)

    def amount(self) -> Amount:
        queries, texts = _column(self.lines, self.columns.query), _column(self.lines, self.columns.text)
        return amount_of(lists_of(self.layout, queries, texts, self._keys()))

    def _keys(self) -> list[Any]:
        return [*range(self.rows)] if self.layout == "queries" else _keys(self.lines, self.columns)


def json_line(row: Mapping[str, Any]) -> bytes:
    """Return a row as a line of JSON."""
    try:
        return (_ENCODER.encode(row) + "\n").encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON writes as an escape
        return (json.dumps(row) + "\n").encode()
