"""What a line of a collection says: texts and ids of a JSON object, with errors that name file and line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localrank.providers.lines import fault

__all__ = ["identifier", "joined_text", "text_of"]


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
