"""Lengths into padded batches of a token budget, longest first, and widths of which there are few. Pure."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["batches", "bucketed"]

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
