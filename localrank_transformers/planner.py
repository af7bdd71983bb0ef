"""Lengths into units of work: what runs together, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["EQUAL", "GROUP_TOKENS", "NEAR", "Unit", "plan"]

GROUP_TOKENS = 256
"""Padded tokens of a float32 group: below it a core is not busy, above it the work leaves the L2 cache."""

NEAR = 0.9
"""A document shorter than this part of its group's longest one starts a group of its own."""

EQUAL = 1.0
"""Only equal lengths share a run, for a graph that is not told what is padding."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Documents that one run of the engine scores.

    Attributes:
        positions: Their places in the list that was planned.
        tokens: What the run costs: padded tokens.
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


def _unit(group: list[int], lengths: Sequence[int]) -> Unit:
    return Unit(tuple(group), lengths[group[0]] * len(group))
