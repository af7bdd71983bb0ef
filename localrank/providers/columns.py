"""Which columns of a table have room in a terminal, and how wide its text stands there. Pure."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Mapping, Sequence

__all__ = ["GAP", "cut", "padded", "shown_columns", "width_of", "wrapped"]

GAP = 2
"""Cells between two columns."""


def width_of(text: str) -> int:
    """Return how many cells a text takes: two for a wide letter, none for a mark that stands on another."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1
        for letter in text
    )


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
    """Return the lines of a text of at most `width` cells, or 30; a word, such as a path, stays whole."""
    return textwrap.wrap(text, max(30, width), break_long_words=False, break_on_hyphens=False) or [text]


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
