"""Records of JSON, JSON Lines, CSV, TSV and Parquet, each with its place, and the text in it."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from itertools import chain
from typing import IO, Any

from localrank.calling.paths import ABSENT, value_at
from localrank.cli.output import InputError
from localrank.cli.sources import shown
from localrank.contract.errors import InvalidRequestError
from localrank.providers.extras import imported
from localrank.providers.lines import finite_json, json_kind, json_object

__all__ = ["Record", "json_lines", "json_records", "parquet_records", "table_records", "text_in"]

Record = tuple[int, Mapping[str, Any] | str]
"""The number of a line or a row, from 1, and what stands there: an object, or in a JSON array a text too."""

_LONGEST_CELL = 2**31 - 1
_ROWS_AT_ONCE = 1_024
_DELIMITERS = ",;\t|"


def text_in(record: Mapping[str, Any], place: str, keys: Sequence[str], option: str) -> str:
    """Return the text of a record.

    Args:
        record: The record.
        place: File and line, for an error.
        keys: Keys or paths where the text may be, in order.
        option: The option that names another, for an error.

    Raises:
        InputError: There is none, or it is no string.
    """
    found = ((key, value_at(record, key)) for key in keys)
    key, value = next(((key, value) for key, value in found if value is not ABSENT), (None, None))
    if key is None:
        wanted = " or ".join(repr(name) for name in keys)
        raise InputError(
            f"{place}: no {wanted}; it has {_listed(record)}. Name where the text is with {option}."
        )
    if not isinstance(value, str):
        raise InputError(f"{place}: the value of {key!r} is a {json_kind(value)}, not a string.")
    return value


def _listed(record: Mapping[str, Any], limit: int = 6) -> str:
    names = ", ".join(repr(name[:30]) for name in list(record)[:limit])
    return f"{names}, …" if len(record) > limit else names or "no keys"


def json_lines(lines: Iterable[str], source: str) -> Iterator[Record]:
    """Yield the object of each line that is not blank."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, json_object(line.rstrip("\n"), shown(source), number, finite=True)
            except InvalidRequestError as error:
                raise InputError(str(error)) from None


def json_records(text: str, source: str) -> Iterator[Record]:
    """Yield the items of an array, of the one array in an object, or the objects of lines."""
    try:
        value = finite_json(text)
    except json.JSONDecodeError as error:
        first = text.lstrip().partition("\n")[0]
        if error.msg == "Extra data" and first.startswith("{"):  # objects one a line, under another name
            yield from json_lines(io.StringIO(text), source)
            return
        raise InputError(
            f"{shown(source)}:{error.lineno}: no valid JSON: {error.msg}, at column {error.colno}."
        ) from None
    except (ValueError, RecursionError):
        raise InputError(
            f"{shown(source)}: no valid JSON: too long a number, or nested too deeply."
        ) from None
    items = _items(value, source)
    for number, item in enumerate(items, 1):
        if not isinstance(item, (str, dict)):
            raise InputError(
                f"{shown(source)}, item {number}: a {json_kind(item)}, neither an object nor a string."
            )
        yield number, item


def _items(value: Any, source: str) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        lists = [one for one in value.values() if isinstance(one, list)]
        if len(lists) == 1:
            return lists[0]
        if not lists:
            return [value]
        raise InputError(
            f"{shown(source)} is an object with {len(lists)} arrays. Leave the one with the documents: jq .NAME"
        )
    raise InputError(f"{shown(source)} is a {json_kind(value)}, not an array of documents.")


def table_records(lines: Iterator[str], source: str, *, delimiter: str | None) -> Iterator[Record]:
    """Yield a mapping for each row of comma- or tab-separated values; the first row names the columns.

    Args:
        lines: The file's, each with the line feed at its end.
        source: Its name.
        delimiter: What stands between cells; None finds out which of `,` `;` tab and `|` does.
    """
    csv.field_size_limit(_LONGEST_CELL)
    header = next(lines, "")
    rows = csv.reader(
        chain([header], lines), delimiter=delimiter or max(_DELIMITERS, key=header.count), strict=True
    )
    try:
        names = next(rows, [])
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"{shown(source)}:1: two columns are called {twice!r}.")
        before = rows.line_num
        for cells in rows:
            number, before = before + 1, rows.line_num
            if not cells:
                continue
            if len(cells) != len(names):
                raise InputError(
                    f"{shown(source)}:{number}: {len(cells)} cells, and the first row names {len(names)} columns."
                )
            yield number, dict(zip(names, cells, strict=True))
    except csv.Error as error:
        raise InputError(f"{shown(source)}:{rows.line_num}: no valid CSV: {error}.") from None


def parquet_records(content: IO[bytes], source: str) -> Iterator[Record]:
    """Yield a mapping for each row, with the values that JSON has.

    Raises:
        MissingDependencyError: pyarrow is not installed.
    """
    pyarrow = imported("pyarrow", "Reading Parquet", "parquet")
    parquet = imported("pyarrow.parquet", "Reading Parquet", "parquet")
    try:
        file = parquet.ParquetFile(content)
        number = 0
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
            for row in batch.to_pylist():
                number += 1
                yield number, {name: _for_json(value) for name, value in row.items()}
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(
            f"{shown(source)}: no readable Parquet: {str(error).partition(chr(10))[0]}"
        ) from None


def _for_json(value: Any) -> Any:
    """Return a cell as JSON has it: dates in ISO 8601, decimals and bytes as text, a number that is none as null."""
    if isinstance(value, dict):
        return {str(name): _for_json(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_for_json(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
