"""Which columns of a table have room in a terminal, and how wide its text stands there. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["GAP", "cut", "padded", "shown_columns", "width_of", "wrapped"]

GAP = 2
"""Cells between two columns."""


def width_of(text: str) -> int:
    """Return how many cells a text takes: two for a wide letter, none for a mark that stands on another."""
    if text.isascii():
        return len(text)
    return sum(0 if _takes_no_room(letter) else 2 if _is_wide(letter) else 1 for letter in text)


def _takes_no_room(letter: str) -> bool:
    return unicodedata.category(letter) in {"Mn", "Me", "Cf"}


def _is_wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in {"W", "F"}


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return a text filled up with spaces to `width` cells, on its left where it stands to the right."""
    filling = " " * (width - width_of(text))
    return filling + text if right else text + filling


def cut(text: str, width: int) -> str:
    """Return a text in at most `width` cells, with … for what was left out."""
    if width_of(text) <= width:
        return text
    kept = text
    while kept and width_of(kept) > width - 1:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text of at most `width` cells, or 30; a word, such as a path, stays whole.

    Between wide letters, which are written without spaces, a line may end anywhere but before a mark that closes or ends.
    """
    lines = [""]
    for piece in _pieces(text):
        if lines[-1] and width_of(lines[-1] + piece.rstrip()) > max(30, width):
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [*lines[:-1], lines[-1].rstrip()]


def _pieces(text: str) -> Iterator[str]:
    """Yield what stays on one line: a word with the spaces behind it, or a wide letter with what hangs on it."""
    start = 0
    for at in range(1, len(text)):
        before, letter = text[at - 1], text[at]
        begins_word = before.isspace() and not letter.isspace()
        parts = _is_wide(before) or _is_wide(letter)
        hangs = (
            letter.isspace() or _takes_no_room(letter) or unicodedata.category(letter) in {"Pe", "Pf", "Po"}
        )
        if begins_word or (parts and not hangs):
            yield _on_one_line(text[start:at])
            start = at
    yield _on_one_line(text[start:])


def _on_one_line(text: str) -> str:
    return "".join(" " if letter.isspace() else letter for letter in text)


def shown_columns(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    room: int,
    *,
    expendable: Sequence[str],
    least: Mapping[str, int] | None = None,
) -> list[int]:
    """Return the places of the columns that are shown in `room` cells.

    Args:
        columns: Their names, which stand above them.
        rows: Their texts.
        room: Cells of a line.
        expendable: What is left out where there is no room for all, the first first.
        least: Columns that may be narrower than their longest text, and how narrow.
    """
    shown = list(range(len(columns)))
    waiting = [columns.index(name) for name in expendable if name in columns]
    while waiting and _taken(columns, rows, shown, least or {}) > room:
        shown.remove(waiting.pop(0))
    return shown


def _taken(
    columns: Sequence[str], rows: Sequence[Sequence[str]], shown: Sequence[int], least: Mapping[str, int]
) -> int:
    widths = [_widest(columns, rows, at) for at in shown]
    narrow = [min(width, least.get(columns[at], width)) for at, width in zip(shown, widths, strict=True)]
    return sum(narrow) + GAP * (len(shown) - 1)


def _widest(columns: Sequence[str], rows: Sequence[Sequence[str]], at: int) -> int:
    return max(width_of(columns[at]), *(width_of(row[at]) for row in rows), 0)
