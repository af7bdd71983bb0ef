"""Where a stream of rows is cut into parts: after so many candidates, and never inside a query. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

__all__ = ["cut", "cut_after"]

R = TypeVar("R")


def cut(rows: Iterable[tuple[R, Any, int]], most: int) -> Iterator[list[R]]:
    """Yield the rows of part after part, cut where `cut_after` cuts.

    Args:
        rows: Each row with its key and how many candidates it has.
        most: Candidates after which a part ends.
    """
    taken: list[R] = []
    before: Any = None
    total = 0
    for row, key, size in rows:
        if total >= most and key != before:
            yield taken
            taken, total = [], 0
        taken.append(row)
        before = key
        total += size
    if taken:
        yield taken


def cut_after(keys: Sequence[Any], sizes: Sequence[int], most: int) -> int | None:
    """Return how many rows the next part takes.

    The answer depends on nothing but the rows up to the cut, so that a job that goes on after an interruption cuts as one that
    was not interrupted.

    Args:
        keys: A key for each row; a part ends where it changes.
        sizes: Candidates of each row.
        most: Candidates after which a part ends.

    Returns:
        The number of rows; None where more rows are needed to tell.
    """
    total = 0
    for row, size in enumerate(sizes):
        if total >= most and keys[row] != keys[row - 1]:
            return row
        total += size
    return None
