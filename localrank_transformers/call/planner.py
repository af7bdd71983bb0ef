"""Lengths into units of work: what runs together, and in which order. Pure."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = [
    "EQUAL",
    "GROUP_TOKENS",
    "NEAR",
    "PACKED_DOCUMENTS",
    "PACK_TOKENS",
    "UNREAD_AT_ONCE",
    "Unit",
    "batches",
    "bucketed",
    "pack",
    "plan",
    "unread",
]

GROUP_TOKENS = 256
"""Padded tokens of a float32 group: below it a core is not busy, above it the work leaves the L2 cache."""

NEAR = 0.9
"""A document shorter than this part of its group's longest one starts a group of its own."""

PACK_TOKENS = 160
"""Tokens of documents end to end: with so many rows a product reads its weights seldom enough, and its results stay in L2."""

PACKED_DOCUMENTS = 4
"""Documents of a shared run. A graph has a branch for one document and one for exactly so many; a fifth costs more at the load
than it saves, since four short ones already keep a core busy."""

_ALONE_FROM = 0.75
"""A document with this part of `PACK_TOKENS` gains nothing from company."""

EQUAL = 1.0
"""Only equal lengths share a run, for a graph that is not told what is padding."""


class Unit(NamedTuple):
    """Documents that one run of the engine scores.

    Attributes:
        positions: Their places in the list that was planned.
        tokens: What the run costs: tokens, padding included.
    """

    positions: tuple[int, ...]
    tokens: int


def plan(lengths: Sequence[int], *, group_tokens: int, least_fill: float = NEAR) -> list[Unit]:
    """Return units that hold every position once, longest first, so that workers end together.

    Args:
        lengths: Tokens of each pair.
        group_tokens: Padded tokens that a group may have; 0 runs each document alone, without any padding.
        least_fill: The shortest length that may share a run, as a part of the longest.
    """
    order = sorted(range(len(lengths)), key=lambda position: (-lengths[position], position))
    units: list[Unit] = []
    group: list[int] = []
    for position in order:
        longest = lengths[group[0]] if group else 0
        too_short = lengths[position] < least_fill * longest
        if group and (too_short or longest * (len(group) + 1) > group_tokens):
            units.append(_unit(group, lengths))
            group = []
        group.append(position)
    if group:
        units.append(_unit(group, lengths))
    return units


def pack(lengths: Sequence[int], *, workers: int, most: int) -> list[Unit]:
    """Return units for a graph that reads documents end to end; they hold every position once, those with most tokens first.

    Short documents share runs of nearly equal size, as many for each worker where there are no long ones to fill up with.

    Args:
        lengths: Tokens of each document's row.
        workers: Runs at the same time.
        most: Documents of a run.
    """
    order = sorted(range(len(lengths)), key=lambda position: (-lengths[position], position))
    alone = [position for position in order if lengths[position] >= _ALONE_FROM * PACK_TOKENS]
    short = order[len(alone) :]
    total = sum(lengths[position] for position in short)
    runs = max(math.ceil(total / PACK_TOKENS), math.ceil(len(short) / most))
    if not alone:
        runs = min(len(short), math.ceil(runs / workers) * workers)
    units = [*([position] for position in alone), *_evenly(short, lengths, runs, most)]
    made = (Unit(tuple(unit), sum(lengths[position] for position in unit)) for unit in units)
    return sorted(made, key=lambda unit: -unit.tokens)


UNREAD_AT_ONCE = 256
"""Documents of a unit in which nothing is read: some milliseconds, so that a call that is stopped ends soon."""


def unread(work: Sequence[int], *, workers: int) -> list[Unit]:
    """Return units of the documents of which nothing is read, evenly for the workers.

    Args:
        work: The tokens of each document; 0 where nothing is read.
        workers: Runs at the same time.
    """
    positions = [position for position, tokens in enumerate(work) if not tokens]
    size = max(1, min(UNREAD_AT_ONCE, math.ceil(len(positions) / workers)))
    parts = (tuple(positions[start : start + size]) for start in range(0, len(positions), size))
    return [Unit(part, len(part)) for part in parts]


def _evenly(order: Sequence[int], lengths: Sequence[int], runs: int, most: int) -> list[list[int]]:
    """Give each document, longest first, to the run with the fewest tokens that has room for it (Graham 1969, LPT)."""
    groups: list[list[int]] = [[] for _ in range(runs)]
    emptiest = [(0, number) for number in range(runs)]
    for position in order:
        tokens, number = heapq.heappop(emptiest)
        groups[number].append(position)
        if len(groups[number]) < most:
            heapq.heappush(emptiest, (tokens + lengths[position], number))
    return groups


def _unit(group: list[int], lengths: Sequence[int]) -> Unit:
    return Unit(tuple(group), lengths[group[0]] * len(group))


_LEAST_FILL = 0.75
"""A text shorter than this part of its batch's longest one starts a batch of its own, as soon as that one is worth a pass."""

_NARROWEST = 16
"""Shorter texts are rare, and cost next to nothing when they are filled up to this."""

_WORTH_A_PASS = 0.25
"""The part of the budget that a batch must reach before padding is avoided by starting another."""


def batches(lengths: Sequence[int], *, budget: int) -> list[tuple[int, ...]]:
    """Return batches of positions that hold every position once, longest texts first.

    A batch has at most `budget` padded tokens; a text longer than that stands alone.
    """
    order = sorted(range(len(lengths)), key=lambda position: (-lengths[position], position))
    planned: list[tuple[int, ...]] = []
    batch: list[int] = []
    for position in order:
        if batch and not _fits(lengths[position], lengths[batch[0]], len(batch), budget):
            planned.append(tuple(batch))
            batch = []
        batch.append(position)
    if batch:
        planned.append(tuple(batch))
    return planned


def bucketed(length: int, limit: int | None = None) -> int:
    """Return the width of a batch whose longest text has `length` tokens, from a short list: 16, 24, 32, 48, 64, 96 and so on.

    Metal compiles its kernels anew for each shape. With these widths a model of 8,192 positions has nineteen of them, and at
    most a third of a row is padding, but for texts below 16 tokens.

    Args:
        length: At least 1.
        limit: The positions of the model, where it has a table of them; a width is never above it.
    """
    width = _NARROWEST
    while width < length:
        width = width * 3 // 2 if width & (width - 1) == 0 else width * 4 // 3
    return width if limit is None else max(length, min(width, limit))


def _fits(length: int, longest: int, count: int, budget: int) -> bool:
    if longest * (count + 1) > budget:
        return False
    return length >= _LEAST_FILL * longest or longest * count < _WORTH_A_PASS * budget
