"""What a provider tells `localrank doctor`: sections of findings, each fine, worth a note, or broken.

A package brings its own with an entry point in the group `localrank.doctor`: a function without arguments that returns a
sequence of `Section`. It should look, not load: no weights, no network.

A package that asks servers brings an entry point in `localrank.doctor.server` too: a function of an address, a model's name or
None, and a key or None, which yields the ways to ask that server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Literal

from localrank.contract.model import AnyReranker

__all__ = [
    "ENTRY_POINT_GROUP",
    "SERVER_ENTRY_POINT_GROUP",
    "Finding",
    "Section",
    "State",
    "Way",
    "diagnoses",
    "ways_to_ask",
]

ENTRY_POINT_GROUP = "localrank.doctor"
SERVER_ENTRY_POINT_GROUP = "localrank.doctor.server"

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


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask a server.

    Attributes:
        name: Of the dialect, for a person.
        model: The reranker that asks so.
    """

    name: str
    model: AnyReranker


def ways_to_ask(url: str, *, model: str | None, api_key: str | None) -> Iterator[Way]:
    """Yield the ways that the installed packages know.

    Raises:
        InvalidRequestError: An argument that cannot work.
    """
    for entry in entry_points(group=SERVER_ENTRY_POINT_GROUP):
        yield from entry.load()(url, model, api_key)


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
