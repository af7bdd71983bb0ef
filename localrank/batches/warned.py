"""What a model warned of, counted over many lists."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Warned", "add_warned"]


@dataclass(frozen=True, slots=True)
class Warned:
    """What a model warned of, of one type.

    Attributes:
        lists: On how many lists of candidates.
        first: What it said of the first of them.
    """

    lists: int
    first: str


def add_warned(warnings: dict[str, Warned], kind: str, more: Warned) -> None:
    """Count further lists that the model warned of."""
    before = warnings.get(kind)
    warnings[kind] = more if before is None else Warned(before.lists + more.lists, before.first)
