"""The plan of the packages, counted from their imports: `python -m tests.architecture.plan [FOLDER]`.

A *room* is what lies in a folder: a module or a folder of modules. An *arrow* leads from one room to another of the same folder
if anything in the one imports anything in the other, wherever the import stands: in a function and under `TYPE_CHECKING` too.
An arrow is *up* if a layers contract of pyproject.toml puts its target on the same level or above. A *circle* is a set of rooms
that reach each other. *Entries* are what one sees on opening a folder, without `__init__.py` and what a machine made.

FOLDER is the checkout to count; this one without it.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
PACKAGES = ("localrank", "localrank_transformers", "localrank_cohere")
UNCOUNTED = {"kernels"}
"""The C sources are a program of their own, laid out as such."""
UNSEEN = {"__init__.py", "__pycache__", "py.typed"}


@dataclass(frozen=True, slots=True)
class Plan:
    """One folder of modules."""

    name: str
    entries: int
    rooms: tuple[str, ...]
    arrows: tuple[tuple[str, str], ...]
    up: tuple[tuple[str, str], ...] | None
    """None if no contract orders the rooms of this folder."""
    circles: tuple[tuple[str, ...], ...]


def plans(checkout: Path = ROOT) -> list[Plan]:
    """Count every folder of the three packages in `checkout`."""
    layers = _layers(checkout)
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    return [
        _plan(graph, name, entries=len(_entries(checkout / name.replace(".", "/"))), layers=layers.get(name))
        for name in sorted(_folders(checkout))
    ]


def entries_of() -> dict[str, list[str]]:
    """Every folder of the three packages, those of data too, by what one sees in it."""
    return {
        str(folder.relative_to(ROOT)): _entries(folder)
        for package in PACKAGES
        for folder in [ROOT / package, *(ROOT / package).rglob("*/")]
        if folder.name not in UNSEEN | UNCOUNTED
    }


def _folders(checkout: Path) -> Iterator[str]:
    for package in PACKAGES:
        for path in (checkout / package).rglob("__init__.py"):
            yield ".".join(path.parent.relative_to(checkout).parts)


def _entries(folder: Path) -> list[str]:
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.name not in UNSEEN and path.suffix not in {".so", ".pyc"} and not path.name.startswith(".")
    )


def _layers(checkout: Path) -> dict[str, list[set[str]]]:
    lint = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    return {
        container: [{room.strip(" ()") for room in layer.split("|")} for layer in contract["layers"]]
        for contract in lint["contracts"]
        for container in contract.get("containers", [])
    }


def _plan(graph: grimp.ImportGraph, name: str, *, entries: int, layers: Sequence[set[str]] | None) -> Plan:
    rooms = tuple(sorted(child.rpartition(".")[2] for child in graph.find_children(name)))
    arrows = tuple(
        (one, other)
        for one in rooms
        for other in rooms
        if one != other
        and graph.direct_import_exists(importer=f"{name}.{one}", imported=f"{name}.{other}", as_packages=True)
    )
    level = {room: number for number, layer in enumerate(layers or []) for room in layer}
    up = None if layers is None else tuple(arrow for arrow in arrows if level[arrow[0]] >= level[arrow[1]])
    return Plan(name, entries, rooms, arrows, up, _circles(rooms, arrows))


def _circles(rooms: Sequence[str], arrows: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    reached = {room: _reached(room, arrows) for room in rooms}
    together = {
        tuple(other for other in rooms if other in reached[room] and room in reached[other]) for room in rooms
    }
    return tuple(sorted(circle for circle in together if circle))


def _reached(start: str, arrows: Sequence[tuple[str, str]]) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        room = waiting.pop()
        news = {target for source, target in arrows if source == room} - reached
        reached |= news
        waiting += news
    return reached


def table(counted: Sequence[Plan]) -> str:
    """Draw one row a folder; circles and arrows up are named below it."""
    rows = [f"{'folder':46}{'entries':>8}{'rooms':>7}{'arrows':>8}{'up':>4}{'circles':>9}"]
    rows += [
        f"{plan.name:46}{plan.entries:8}{len(plan.rooms):7}{len(plan.arrows):8}"
        f"{'-' if plan.up is None else len(plan.up):>4}{len(plan.circles):9}"
        for plan in counted
    ]
    rows += [f"up, in {plan.name}: {one} -> {other}" for plan in counted for one, other in plan.up or ()]
    rows += [f"circle, in {plan.name}: {', '.join(circle)}" for plan in counted for circle in plan.circles]
    return "\n".join(rows)


def main(arguments: Sequence[str]) -> int:
    """Print the plan of a checkout."""
    checkout = Path(arguments[0]).resolve() if arguments else ROOT
    sys.path.insert(0, str(checkout))
    os.chdir(checkout)
    print(table(plans(checkout)))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
