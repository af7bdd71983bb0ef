"""Records of a data file, JSON Lines or Parquet, each with its place in the file; and the texts and ids in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidDataError
from localrank.contract.texts import first_line
from localrank.providers.extras import imported
from localrank.providers.lines import fault, json_objects

__all__ = ["IDS", "identifier", "is_records", "joined_text", "records", "split_of", "text_under"]

IDS = ("_id", "id")
"""Keys of a record's id, the first that is there counts."""

_LINES = (".jsonl", ".ndjson")
_PACKED = ".gz"
_PARQUET = ".parquet"
_POINTER = b"version https://git-lfs"


def is_records(path: Path) -> bool:
    """Whether the name is that of a file that `records` reads."""
    return _bare(path).suffix.lower() in {*_LINES, _PARQUET}


def split_of(path: Path) -> str:
    """Return the split that a file's name tells, as `datasets` names its files: `test-00000-of-00002.parquet` is of test."""
    name = _bare(path).stem
    start, part, rest = name.rpartition("-of-")
    split, dash, number = start.rpartition("-")
    is_part = part and rest.partition("-")[0].isdigit() and number.isdigit()
    return split if is_part and dash and split else name


def _bare(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() == _PACKED else path


def records(path: Path, *, hint: str | None = None) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the number (from 1) and the record of each row of a `.parquet` file, or of each line of any other.

    Args:
        path: The file.
        hint: What a record is to hold, for an error.

    Raises:
        InvalidDataError: It cannot be read, or a line is no JSON object.
        MissingDependencyError: A Parquet file without pyarrow.
    """
    if path.suffix.lower() != _PARQUET:
        yield from json_objects(path, hint=hint)
        return
    _check_fetched(path)
    pyarrow = imported("pyarrow", "Reading Parquet", "parquet")
    parquet = imported("pyarrow.parquet", "Reading Parquet", "parquet")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except OSError as error:
        raise InvalidDataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except pyarrow.ArrowException as error:
        raise InvalidDataError(f"{path} is no readable Parquet: {first_line(error)}") from None


def _check_fetched(path: Path) -> None:
    try:
        with path.open("rb") as file:
            is_pointer = file.read(len(_POINTER)) == _POINTER
    except OSError as error:
        raise InvalidDataError(f"{path} cannot be read: {error.strerror or error}.") from None
    if is_pointer:
        raise InvalidDataError(
            f"{path} is a pointer of Git LFS, not the file itself.", hint="Fetch it: git lfs pull"
        )


def text_under(path: Path, line: int, record: Mapping[str, Any], *keys: str) -> str:
    """Return the text under the first of `keys` that is there.

    Raises:
        InvalidDataError: There is none, or it is no text.
    """
    key = next((key for key in keys if key in record), None)
    if key is None:
        raise fault(
            path, line, f"there is no {keys[0]!r}.", hint=f"The keys are {', '.join(map(repr, record))}."
        )
    value = record[key]
    if not isinstance(value, str):
        raise fault(path, line, f"{key!r} is of type {type(value).__name__}, not text.")
    return value


def identifier(path: Path, line: int, record: Mapping[str, Any], keys: Sequence[str] = IDS) -> str:
    """Return the id under the first of `keys` that is there; a whole number counts as its digits.

    Raises:
        InvalidDataError: There is none, or it is neither text nor a whole number, or has a space in it.
    """
    key = next((key for key in keys if key in record), keys[0])
    value = record.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    name = text_under(path, line, record, key)
    if not name or any(mark.isspace() for mark in name):
        hint = "A TREC run separates by spaces."
        raise fault(path, line, f"the id {name!r} is empty or has a space in it.", hint=hint)
    return name


def joined_text(path: Path, line: int, record: Mapping[str, Any], *keys: str) -> str:
    """Return title and text of a record as one text, a space between them as BEIR's own code has it.

    Raises:
        InvalidDataError: There is no text under any of `keys`, or title or text is none.
    """
    title = record.get("title") or ""
    if not isinstance(title, str):
        raise fault(path, line, f"'title' is of type {type(title).__name__}, not text.")
    return f"{title} {text_under(path, line, record, *keys)}".strip()
