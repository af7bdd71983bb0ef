"""Lines of data files: JSON objects or columns, with errors that name file and line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError

__all__ = ["columns", "fault", "identifier", "joined_text", "json_objects", "text_of"]


def fault(path: Path, line: int, what: str, *, hint: str | None = None) -> InvalidRequestError:
    """Return the error that `line` (from 1) of `path` deserves."""
    return InvalidRequestError(f"{path}:{line}: {what}", hint=hint)


def json_objects(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the number (from 1) and the object of each line that is not blank.

    Raises:
        InvalidRequestError: The file cannot be read, or a line is no JSON object.
    """
    for number, line in _lines(path):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise fault(path, number, f"no valid JSON: {error.msg}, at column {error.colno}.") from None
        except (ValueError, RecursionError):  # a number of thousands of digits, brackets in brackets
            raise fault(path, number, "no valid JSON: too long a number, or nested too deeply.") from None
        if not isinstance(record, dict):
            raise fault(path, number, f"a JSON {type(record).__name__}, not an object.")
        yield number, record


def columns(path: Path, separator: str | None = None) -> Iterator[tuple[int, list[str]]]:
    """Yield the number (from 1) and the columns of each line that is not blank; None separates by any white space.

    Raises:
        InvalidRequestError: The file cannot be read.
    """
    for number, line in _lines(path):
        yield number, line.split(separator)


def text_of(path: Path, line: int, record: Mapping[str, Any], key: str) -> str:
    """Return the text under `key`.

    Raises:
        InvalidRequestError: It is absent or no text.
    """
    if key not in record:
        raise fault(path, line, f"there is no {key!r}.", hint=f"The keys are {', '.join(map(repr, record))}.")
    value = record[key]
    if not isinstance(value, str):
        raise fault(path, line, f"{key!r} is of type {type(value).__name__}, not text.")
    return value


def identifier(path: Path, line: int, record: Mapping[str, Any], *keys: str) -> str:
    """Return the id under the first of `keys` that is there; a whole number counts as its digits.

    Raises:
        InvalidRequestError: There is none, or it is neither text nor a whole number.
    """
    key = next((key for key in keys if key in record), keys[0])
    value = record.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    name = text_of(path, line, record, key)
    if not name or any(mark.isspace() for mark in name):
        raise fault(
            path,
            line,
            f"the id {name!r} is empty or has a space in it.",
            hint="A TREC run separates by spaces.",
        )
    return name


def joined_text(path: Path, line: int, record: Mapping[str, Any]) -> str:
    """Return title and text of a document as one text, a space between them as BEIR's own code has it."""
    title = record.get("title") or ""
    if not isinstance(title, str):
        raise fault(path, line, f"'title' is of type {type(title).__name__}, not text.")
    return f"{title} {text_of(path, line, record, 'text')}".strip()


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with path.open("rb") as file:  # as bytes, so that the line of a wrong one is known
            for number, raw in enumerate(file, 1):
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if line.strip():
                    yield number, line
    except UnicodeDecodeError:
        raise fault(path, number, "no UTF-8 text.") from None
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror}.") from None
