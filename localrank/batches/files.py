"""The files of a job: Parquet, or JSON Lines, packed by gzip or not; read in parts of whole queries, written in their kind."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

from localrank.batches.cutting import cut_after
from localrank.batches.rows import Asked, Columns, Layout, RankedRows, Reject, keys_of, rank_rows, sizes_of
from localrank.batches.tables import layout_of, parts_of, rank_table
from localrank.contract.errors import InvalidRequestError
from localrank.providers.extras import imported

__all__ = ["Part", "Source", "source_of"]

_BATCH_ROWS = 4_096
_LONGEST_LINE = 1 << 28
"""Bytes of a line that are read: a file without line ends is no JSON Lines."""


class Part(Protocol):
    """Rows of whole queries."""

    @property
    def start(self) -> int:
        """Rows before it."""
        ...

    @property
    def rows(self) -> int:
        """How many there are."""
        ...

    def rank(self, asked: Asked, on_documents: Callable[[int], None]) -> tuple[bytes, RankedRows]:
        """Return the rows with rank and score as the bytes of a file, and what was found."""
        ...

    def documents(self) -> tuple[int, int, int]:
        """Return how many queries and candidates there are, and how many characters they have together."""
        ...


class Source(Protocol):
    """A file to be ranked."""

    suffix: str
    layout: Layout
    total: int | None

    def parts(self, start: int, most: int) -> Iterator[Part]:
        """Yield the parts from row `start` on, each of at least `most` candidates but the last."""
        ...


def source_of(path: Path, columns: Columns) -> Source:
    """Return the source that the file's name tells.

    Raises:
        InvalidRequestError: It tells none, the file cannot be read, or its columns do not fit.
        MissingDependencyError: pyarrow is not installed.
    """
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return _Parquet(path, columns)
        if name.endswith((".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")):
            return _JsonLines(path, columns)
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror or error}.") from None
    raise InvalidRequestError(
        f"{path} is of no kind that a job reads.", hint="Pass a .parquet, .jsonl or .jsonl.gz file."
    )


class _Parquet:
    """A Parquet file, read a row group at a time."""

    suffix = ".parquet"

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path, self._columns = path, columns
        pa = imported("pyarrow", "A Parquet file", "parquet")
        try:
            with self._open() as file:
                self.layout: Layout = layout_of(file.schema_arrow, columns, str(path))
                self.total: int | None = file.metadata.num_rows
        except pa.ArrowInvalid as error:
            raise InvalidRequestError(f"{path} is no Parquet file: {error}.") from None

    def _open(self) -> Any:
        return imported("pyarrow.parquet", "A Parquet file", "parquet").ParquetFile(self._path)

    def parts(self, start: int, most: int) -> Iterator[Part]:
        """Yield the parts; row groups before `start` are not read."""
        with self._open() as file:
            batches = _from_row(file, start)
            for table, at in parts_of(batches, self._columns, most, start):
                yield _TablePart(table, at, table.num_rows, self.layout, self._columns)


def _from_row(file: Any, start: int) -> Iterator[Any]:
    skipped, first = 0, 0
    while first < file.num_row_groups and skipped + file.metadata.row_group(first).num_rows <= start:
        skipped += file.metadata.row_group(first).num_rows
        first += 1
    left = start - skipped
    for batch in file.iter_batches(_BATCH_ROWS, row_groups=list(range(first, file.num_row_groups))):
        if left < batch.num_rows:
            yield batch.slice(left)
        left = max(left - batch.num_rows, 0)


@dataclass(frozen=True, slots=True)
class _TablePart:
    table: Any
    start: int
    rows: int
    layout: Layout
    columns: Columns

    def rank(self, asked: Asked, on_documents: Callable[[int], None]) -> tuple[bytes, RankedRows]:
        table, found = rank_table(
            self.table, self.layout, self.columns, asked, start=self.start, on_documents=on_documents
        )
        written = io.BytesIO()
        imported("pyarrow.parquet", "A Parquet file", "parquet").write_table(table, written)
        return written.getvalue(), found

    def documents(self) -> tuple[int, int, int]:
        queries = self.table.column(self.columns.query).to_pylist()
        return _counted(queries, self.table.column(self.columns.text).to_pylist(), self.layout)


class _JsonLines:
    """JSON Lines, an object a line; what is none is a reject."""

    total: int | None = None

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self._packed = path.suffix.lower() == ".gz"
        self.suffix = ".jsonl.gz" if self._packed else ".jsonl"
        self.layout: Layout = "candidates"
        for row in self._rows(0):
            if isinstance(row, dict):
                columns.check([*row], str(path))
                self.layout = "queries" if isinstance(row[columns.text], list) else "candidates"
                break

    def _rows(self, start: int) -> Iterator[dict[str, Any] | str]:
        """Yield the object of each line from `start` on, or why there is none."""
        with gzip.open(self._path) if self._packed else self._path.open("rb") as lines:
            number = 0
            while line := lines.readline(_LONGEST_LINE):
                if len(line) == _LONGEST_LINE:
                    raise InvalidRequestError(
                        f"{self._path} has a line of more than {_LONGEST_LINE:,} bytes.",
                        hint="JSON Lines hold an object a line.",
                    )
                if number >= start:
                    yield _object_in(line if number else line.removeprefix(codecs.BOM_UTF8))
                number += 1

    def parts(self, start: int, most: int) -> Iterator[Part]:
        """Yield the parts; lines before `start` are read over."""
        try:
            yield from self._parts(start, most)
        except (OSError, EOFError) as error:
            raise InvalidRequestError(f"{self._path} cannot be read on: {error}.") from None

    def _parts(self, start: int, most: int) -> Iterator[Part]:
        rows: list[dict[str, Any] | str] = []
        keys: list[Any] = []
        sizes: list[int] = []
        total = 0
        for row in map(self._unless_taken, self._rows(start)):
            query, text, group = self._read(row)
            rows.append(row)
            before = keys[-1] if keys else None
            groups = None if self._columns.group is None else [group]
            keys += [start + len(keys)] if self.layout == "queries" else keys_of([query], groups, before)
            total += sum(sizes_of([text], self.layout))
            sizes += sizes_of([text], self.layout)
            # A part can end no sooner than its candidates are there.
            count = cut_after(keys, sizes, most) if total > most else None
            if count is not None:
                yield _LinesPart(rows[:count], start, count, self.layout, self._columns, self._packed)
                rows, keys, sizes, start = rows[count:], keys[count:], sizes[count:], start + count
                total = sum(sizes)
        if rows:
            yield _LinesPart(rows, start, len(rows), self.layout, self._columns, self._packed)

    def _unless_taken(self, row: dict[str, Any] | str) -> dict[str, Any] | str:
        if isinstance(row, dict):
            for name in (self._columns.rank, self._columns.score):
                if name in row:
                    return f"the row has a column {name!r} already"
        return row

    def _read(self, row: dict[str, Any] | str) -> tuple[Any, Any, Any]:
        names = self._columns
        if isinstance(row, str):
            return None, None, None
        return row.get(names.query), row.get(names.text), row.get(names.group or "")


def _refused(name: str) -> NoReturn:
    raise ValueError(name)


def _finite_number(written: str) -> float:
    number = float(written)
    return number if math.isfinite(number) else _refused(written)


def _object_in(line: bytes) -> dict[str, Any] | str:
    try:
        value = json.loads(line.decode(), parse_constant=_refused, parse_float=_finite_number)
    except UnicodeDecodeError:
        return "the line is no UTF-8"
    except (ValueError, RecursionError):
        return "the line is no JSON"
    return value if isinstance(value, dict) else "the line is no JSON object"


@dataclass(frozen=True, slots=True)
class _LinesPart:
    lines: Sequence[dict[str, Any] | str]
    start: int
    rows: int
    layout: Layout
    columns: Columns
    packed: bool

    def rank(self, asked: Asked, on_documents: Callable[[int], None]) -> tuple[bytes, RankedRows]:
        names = self.columns
        queries, texts = self._column(names.query), self._column(names.text)
        groups = None if names.group is None else self._column(names.group)
        keys = keys_of(queries, groups)
        found = rank_rows(asked, self.layout, queries, texts, keys=keys, on_documents=on_documents)
        kept = found.kept(self.layout)
        added = [{names.rank: found.ranks[place], names.score: found.scores[place]} for place in kept]
        content = b"".join(_line_of(self.lines[place], more) for place, more in zip(kept, added, strict=True))
        found.written = len(kept)
        found.rejects = [
            Reject(
                self.start + reject.row + 1,
                row if isinstance(row := self.lines[reject.row], str) else reject.reason,
            )
            for reject in found.rejects
        ]
        return (gzip.compress(content, mtime=0) if self.packed else content), found

    def documents(self) -> tuple[int, int, int]:
        """Return counts: see `Part`."""
        return _counted(self._column(self.columns.query), self._column(self.columns.text), self.layout)

    def _column(self, name: str) -> list[Any]:
        return [row.get(name) if isinstance(row, dict) else None for row in self.lines]


def _line_of(row: dict[str, Any] | str, added: dict[str, Any]) -> bytes:
    whole = {**row, **added} if isinstance(row, dict) else added
    try:
        return (json.dumps(whole, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON writes as an escape
        return (json.dumps(whole) + "\n").encode()


def _counted(queries: Sequence[Any], texts: Sequence[Any], layout: Layout) -> tuple[int, int, int]:
    """Return how many queries and candidates there are, and the characters that a model of pairs reads."""
    if layout == "candidates":
        pairs = [
            (query, [text]) for query, text in zip(queries, texts, strict=True) if isinstance(query, str)
        ]
        count = sum(1 for at, key in enumerate(keys_of(queries, None)) if at == 0 or key != queries[at - 1])
    else:
        pairs = [(query, text) for query, text in zip(queries, texts, strict=True) if isinstance(query, str)]
        count = len(pairs)
    documents = [(query, text) for query, some in pairs for text in some or () if isinstance(text, str)]
    return count, len(documents), sum(len(query) + len(text) for query, text in documents)
