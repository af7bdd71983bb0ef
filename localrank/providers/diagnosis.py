"""What a provider tells `localrank doctor`: sections of findings, each fine, worth a note, or broken.

A package brings its own with an entry point in the group `localrank.doctor`: a function without arguments that returns a
sequence of `Section`. It should look, not load: no weights, no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Literal

__all__ = ["ENTRY_POINT_GROUP", "Finding", "Section", "State", "diagnoses"]

ENTRY_POINT_GROUP = "localrank.doctor"

State = Literal["ok", "note", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact.

    Attributes:
        name: What it is about.
        value: What was found.
        state: `ok`; `note` for what could be better; `broken` for what keeps something from working.
        hint: What to do about it.
    """

    name: str
    value: str
    state: State = "ok"
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Facts that belong together, under a title."""

    title: str
    findings: tuple[Finding, ...]


def diagnoses() -> list[Section]:
    """Return the sections of every installed package; one that fails becomes a broken finding."""
    sections: list[Section] = []
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            sections += entry.load()()
        except Exception as error:
            finding = Finding(entry.value, f"{type(error).__name__}: {error}", "broken")
            sections.append(Section(entry.name, (finding,)))
    return sections
