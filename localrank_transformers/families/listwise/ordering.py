"""An order of a list from orders of its windows: identifiers read from an answer and mended, windows slid over it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

__all__ = ["RankWindow", "identifiers", "repaired", "sliding_order", "windows"]

RankWindow = Callable[[list[int]], list[int]]
"""Takes the documents of a window in their order so far, and returns places in the window, the most relevant first."""

_END_OF_THOUGHT = "</think>"
_BRACKETED = re.compile(r"\[\s*([0-9]+)\s*\]")
_NUMBER = re.compile(r"[0-9]+")
_LONGEST_NUMBER = 6


def identifiers(answer: str) -> list[int]:
    """Return the places that an answer such as `[2] > [1]` names, from 0, as they stand in it.

    Where any number is in brackets, only those count, so that "the 3 best: [2] > [1]" names no third passage; otherwise every
    number does. What a model thought aloud before its answer does not count.
    """
    said = answer.rpartition(_END_OF_THOUGHT)[2]
    numbers = _BRACKETED.findall(said) or _NUMBER.findall(said)
    return [int(number) - 1 for number in numbers if len(number) <= _LONGEST_NUMBER]


def repaired(found: Sequence[int], count: int) -> list[int]:
    """Return a permutation of `count` places: `found`, less what is repeated or out of range, then what is missing."""
    named = list(dict.fromkeys(place for place in found if 0 <= place < count))
    left = set(range(count)).difference(named)
    return named + sorted(left)


def windows(count: int, *, size: int, stride: int) -> list[tuple[int, int]]:
    """Return the windows (start, end) of one pass over `count` places, from the end of the list to its beginning."""
    end, start = count, max(0, count - size)
    found = [(start, end)]
    while start > 0:
        end, start = end - stride, max(0, start - stride)
        found.append((start, end))
    return found


def sliding_order(
    count: int, *, size: int, stride: int, passes: int, rank_window: RankWindow
) -> Iterator[list[int]]:
    """Yield the order of `count` documents after each window.

    A window at the end of the list is ranked first and its best move into the next one, so that one pass carries the best
    documents to the top, as in RankGPT (https://arxiv.org/abs/2304.09542, section 3.2).
    """
    order = list(range(count))
    if count < 2:
        yield order
        return
    for _ in range(passes):
        for start, end in windows(count, size=size, stride=stride):
            window = order[start:end]
            order[start:end] = [window[place] for place in rank_window(window)]
            yield list(order)
