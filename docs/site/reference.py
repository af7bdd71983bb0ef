"""Reference pages of the public names: one page a package, filled from the docstrings by autodoc."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

__all__ = ["PACKAGES", "write_reference"]

PACKAGES = {
    "localrank": "Calls, results, wrappers and errors",
    "localrank_transformers": "Local models",
    "localrank_cohere": "Remote models",
    "localrank.integrations": "Inside frameworks, and back",
    "localrank.integrations.ray": "On a cluster",
    "localrank.compat": "Other libraries' interfaces",
    "localrank.batches": "Jobs over files",
    "localrank.evaluation": "Evaluation",
    "localrank.server": "Server",
    "localrank.testing": "Doubles and the conformance kit",
    "localrank_transformers.training": "Training",
}


def write_reference(into: Path) -> None:
    """Write one page a public package, numbered as they are to be read."""
    into.mkdir(parents=True, exist_ok=True)
    for number, (package, title) in enumerate(PACKAGES.items()):
        (into / f"{number}-{package}.rst").write_text(_page(package, title), "utf-8")


def _page(package: str, title: str) -> str:
    heading = f"{package}: {title}"
    module = import_module(package)
    names = sorted(
        (name for name in module.__all__ if not name.startswith("__")),
        key=lambda name: (name[0].isupper(), name),
    )
    return f"{heading}\n{'=' * len(heading)}\n\n" + "".join(_entry(f"{package}.{name}") for name in names)


def _entry(path: str) -> str:
    """Return the directive of a name, whose case says what it is: to ask the object would load frameworks."""
    name = path.rpartition(".")[2]
    if name.isupper():
        return f".. autodata:: {path}\n\n"
    if name[0].isupper():
        members = (
            "" if path.startswith("localrank.integrations.") else "   :members:\n"
        )  # the frameworks' own
        return f".. autoclass:: {path}\n{members}\n"
    return f".. autofunction:: {path}\n\n"
