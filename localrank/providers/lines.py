"""Lines of data files with their numbers, JSON objects among them, and errors that name file and line."""

from __future__ import annotations

import gzip
import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from localrank.contract.errors import InvalidDataError

__all__ = ["fault", "finite_json", "json_kind", "json_object", "json_objects", "numbered_lines"]


def fault(source: Path | str, line: int, what: str, *, hint: str | None = None) -> InvalidDataError:
    """Return the error that `line` (from 1) of `source` deserves."""
    return InvalidDataError(f"{source}:{line}: {what}", hint=hint)


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the number (from 1) and the text of each line that is not blank; a name in `.gz` means a compressed file.

    Raises:
        InvalidDataError: The file cannot be read, or a line is no UTF-8 text.
    """
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, raw in enumerate(file, 1):  # bytes, so that the line of a wrong one is known
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if line.strip():
                    yield number, line
    except UnicodeDecodeError:
        raise fault(path, number, "no UTF-8 text.") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidDataError(f"{path} cannot be read: {reason}.") from None


def json_objects(path: Path, *, hint: str | None = None) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the number (from 1) and the object of each line that is not blank; `hint` says what an object is to hold.

    Raises:
        InvalidDataError: The file cannot be read, or a line is no JSON object.
    """
    for number, line in numbered_lines(path):
        yield number, json_object(line, path, number, hint=hint)


def json_object(
    text: str, source: Path | str, line: int, *, finite: bool = False, hint: str | None = None
) -> Mapping[str, Any]:
    """Return the object that is written in one line.

    Args:
        text: The line.
        source: Where it stands, for the error.
        line: Its number there.
        finite: Read it as `finite_json` does.
        hint: What an object is to hold, for the error.

    Raises:
        InvalidDataError: It is no JSON, or no object.
    """
    try:
        record = finite_json(text) if finite else json.loads(text)
    except json.JSONDecodeError as error:
        raise fault(
            source, line, f"no valid JSON: {error.msg}, at column {error.colno}.", hint=hint
        ) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets in brackets
        what = "no valid JSON: too long a number, or nested too deeply."
        raise fault(source, line, what, hint=hint) from None
    if not isinstance(record, dict):
        what = f"a {json_kind(record)}, not a JSON object; write one object a line."
        raise fault(source, line, what, hint=hint)
    return record


def finite_json(text: str) -> Any:
    """Return what JSON text holds; NaN and Infinity, which Python reads, are no JSON, and what is beyond a float is refused.

    Raises:
        json.JSONDecodeError: It is no JSON; names the place.
        ValueError: It holds an integer of thousands of digits.
        RecursionError: It is nested too deeply.
    """
    try:
        return _FINITE.decode(text)
    except _NoNumberError as error:
        raise json.JSONDecodeError(error.what, text, _place_of(error.written, text)) from None


class _NoNumberError(ValueError):
    def __init__(self, written: str, what: str) -> None:
        super().__init__(what)
        self.written, self.what = written, what


def _refuse(name: str) -> NoReturn:
    raise _NoNumberError(name, f"{name} is not a JSON value")


def _finite_number(written: str) -> float:
    number = float(written)
    if math.isinf(number):
        raise _NoNumberError(written, f"{written[:20]} is too large a number")
    return number


_FINITE = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite_number)


def _place_of(written: str, text: str) -> int:
    """Return where something stands outside of strings."""
    either = re.compile(rf'"(?:[^"\\]|\\.)*"|{re.escape(written)}', re.DOTALL)
    return next(found.start() for found in either.finditer(text) if found[0] == written)


def json_kind(value: object) -> str:
    """Return what JSON calls a value that was read from it."""
    names = {dict: "object", list: "list", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
