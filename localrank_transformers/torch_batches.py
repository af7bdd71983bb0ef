"""Lengths into padded batches of a token budget, longest first. Pure."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["batches"]

_LEAST_FILL = 0.75
"""A text shorter than this part of its batch's longest one starts a batch of its own, as soon as that one is worth a pass."""

_WORTH_A_PASS = 0.25
"""The part of the budget that a batch must reach before padding is avoided by starting another."""


def batches(lengths: Sequence[int], *, budget: int) -> list[tuple[int, ...]]:
    """Return batches of positions that hold every position once, longest texts first.

    A batch has at most `budget` padded tokens; a text longer than that stands alone.
    """
    order = sorted(range(len(lengths)), key=lambda position: (-lengths[position], position))
    found: list[tuple[int, ...]] = []
    batch: list[int] = []
    for position in order:
        if batch and not _fits(lengths[position], lengths[batch[0]], len(batch), budget):
            found.append(tuple(batch))
            batch = []
        batch.append(position)
    if batch:
        found.append(tuple(batch))
    return found


def _fits(length: int, longest: int, count: int, budget: int) -> bool:
    if longest * (count + 1) > budget:
        return False
    return length >= _LEAST_FILL * longest or longest * count < _WORTH_A_PASS * budget
