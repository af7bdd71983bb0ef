"""A Parquet file as an input, read a piece at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localrank.batches.amounts import Amount, amount_of
from localrank.batches.columns import Columns
from localrank.batches.files.part import Part
from localrank.batches.rows import Layout, RankedRows, Rows, lists_of
from localrank.batches.tables import keys_in, layout_of, parts_of, rows_in, with_added
from localrank.batches.together import survey
from localrank.batches.trec import Named
from localrank.contract.errors import InvalidDataError
from localrank.providers.extras import imported

__all__ = ["Parquet"]

_BATCH_ROWS = 1_024
_BUFFER = 1 << 20
"""Bytes of a column that are read at once: a row group may be as large as the file."""


class Parquet:
    """A Parquet file.

    Args:
        path: The file.
        columns: The names of columns.

    Raises:
        InvalidDataError: It cannot be read, or its columns do not fit.
        MissingDependencyError: pyarrow is not installed.
    """

    suffix = ".parquet"

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self.files: Mapping[str, Path] = {"input": path}
        with self._opened() as file:
            self.layout: Layout = layout_of(file.schema_arrow, columns, str(path))

    def survey(self, on_rows: Callable[[int], None]) -> int:
        """Return the number of rows: see `Source`."""
        with self._opened() as file:
            total: int = file.metadata.num_rows
            if self.layout == "queries":
                return total
            return survey(str(self._path), self._keys(file), on_rows)

    def _keys(self, file: Any) -> Iterator[Any]:
        before: Any = None
        names = [name for name in (self._columns.query, self._columns.group) if name is not None]
        for batch in self._batches(file, 0, columns=names):
            keys = keys_in(batch, self._columns, self.layout, 0, before)
            before = keys[-1] if keys else before
            yield from keys

    def parts(self, start: int, most: int) -> Iterator[Part]:
        """Yield the parts; row groups before `start` are not read."""
        with self._opened() as file:
            for table, at in parts_of(self._batches(file, start), self._columns, most, start):
                yield _TablePart(table, at, self.layout, self._columns)

    def close(self) -> None:
        """Do nothing: a file is open only while it is read."""

    def _opened(self) -> Any:
        with _damage(self._path):
            return _parquet().ParquetFile(self._path, buffer_size=_BUFFER, pre_buffer=False)

    def _batches(self, file: Any, start: int, columns: list[str] | None = None) -> Iterator[Any]:
        with _damage(self._path):
            left, groups = _groups_from(file, start)
            for batch in file.iter_batches(_BATCH_ROWS, row_groups=groups, columns=columns):
                if left < batch.num_rows:
                    yield batch.slice(left)
                left = max(left - batch.num_rows, 0)


def _groups_from(file: Any, start: int) -> tuple[int, list[int]]:
    """Return the row groups from row `start` on, and how many rows of the first of them come before it."""
    skipped, first = 0, 0
    while first < file.num_row_groups and skipped + file.metadata.row_group(first).num_rows <= start:
        skipped += file.metadata.row_group(first).num_rows
        first += 1
    return start - skipped, list(range(first, file.num_row_groups))


def _parquet() -> Any:
    return imported("pyarrow.parquet", "A Parquet file", "parquet")


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Read the file inside.

    Raises:
        InvalidDataError: It cannot be read.
    """
    arrow_fault: type[Exception] = imported("pyarrow", "A Parquet file", "parquet").ArrowException
    try:
        yield
    except (OSError, arrow_fault) as error:
        reason = str(getattr(error, "strerror", None) or error).strip().rstrip(".")
        raise InvalidDataError(f"{path} cannot be read as Parquet: {reason}.") from None


@dataclass(frozen=True, slots=True)
class _TablePart:
    table: Any
    start: int
    layout: Layout
    columns: Columns

    @property
    def rows(self) -> int:
        count: int = self.table.num_rows
        return count

    def named(self) -> Named:
        names = self.columns
        read = rows_in(self.table, names, self.layout)
        queries, documents = (
            self.table.column(name or names.query).to_pylist() for name in (names.group, names.id)
        )
        return Named(self.layout, read.keys, queries, documents, read.texts)

    def read(self, faults: Mapping[int, str]) -> Rows:
        return rows_in(self.table, self.columns, self.layout, faults)

    def written(self, found: RankedRows) -> bytes:
        file = io.BytesIO()
        _parquet().write_table(with_added(self.table, self.columns, found), file)
        return file.getvalue()

    def amount(self) -> Amount:
        read = rows_in(self.table, self.columns, self.layout)
        return amount_of(lists_of(self.layout, read.queries, read.texts, read.keys))
