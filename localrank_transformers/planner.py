"""Lengths into units of work: what runs together, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["GROUP_TOKENS", "Unit", "plan"]

GROUP_TOKENS = 256
"""Padded tokens of a float32 group: below it a core is not busy, above it the work leaves the L2 cache."""

_LEAST_FILL = 0.9
"""A document shorter than this part of its group's longest one starts a group of its own."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Documents that one run of the engine scores.

    Attributes:
        positions: Their places in the list that was planned.
        tokens: What the run costs: padded tokens.
    """

    positions: tuple[int, ...]
    tokens: int


def plan(lengths: Sequence[int], *, group_tokens: int) -> list[Unit]:
    """Return units that hold every position once, longest first, so that workers end together.

    Args:
        lengths: Tokens of each pair.
        group_tokens: Padded tokens that a group may have; 0 runs each document alone, without any padding.
    """
    order = sorted(range(len(lengths)), key=lambda position: (-lengths[position], position))
    units: list[Unit] = []
    group: list[int] = []
    for position in order:
        if group and not _fits(lengths[position], lengths[group[0]], len(group) + 1, group_tokens):
            units.append(_unit(group, lengths))
            group = []
        group.append(position)
    if group:
        units.append(_unit(group, lengths))
    return units


def _fits(length: int, longest: int, count: int, group_tokens: int) -> bool:
    return longest * count <= group_tokens and length >= _LEAST_FILL * longest


def _unit(group: list[int], lengths: Sequence[int]) -> Unit:
    return Unit(tuple(group), lengths[group[0]] * len(group))
