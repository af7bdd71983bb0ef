"""The architecture page shows the tree as it is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "concepts" / "architecture.md"
PACKAGES = ("localrank", "localrank_transformers", "localrank_cohere")


def rooms_on_the_page() -> set[str]:
    tree = PAGE.read_text("utf-8").partition("```text\n")[2].partition("```")[0]
    rooms: set[str] = set()
    above: list[str] = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        above = [*above[:depth], line.split()[0].rstrip("/")]
        rooms.add("/".join(above))
    return rooms


def test_the_page_names_every_package_and_no_other() -> None:
    real = {
        str(path.parent.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
    }

    assert rooms_on_the_page() == real, f"draw the tree of {PAGE.name} as it is"


def places() -> list[list[str]]:
    """Return what each row of the table of changes names to open."""
    rows = PAGE.read_text("utf-8").partition("## Where a change goes\n")[2].partition("\n## ")[0]
    named = [re.findall(r"`([\w/.]+\.\w+)`", row) for row in rows.splitlines() if row.startswith("| ")]
    return named[2:]  # below the heading


def test_a_change_has_one_or_two_files_to_open_which_are_there() -> None:
    assert len(places()) >= 10
    assert [files for files in places() if len(files) not in {1, 2}] == []
    assert [file for files in places() for file in files if not (ROOT / file).is_file()] == []


def test_every_decision_is_in_the_list() -> None:
    decisions = ROOT / "docs" / "decisions"
    listed = (decisions / "README.md").read_text("utf-8")

    assert [path.name for path in decisions.glob("0*.md") if f"({path.name})" not in listed] == []


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").glob("*/*.md")}
    unlisted = {page for page in pages if not page.startswith("decisions/") and f"({page})" not in index}

    assert unlisted == set()


def test_the_files_that_one_call_goes_through_are_there() -> None:
    told = PAGE.read_text("utf-8").partition("## How one call flows\n")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w/]+\.(?:py|c))`", told)
    local = ROOT / "localrank_transformers"

    assert len(named) >= 6
    assert [
        file
        for file in named
        if not any((below / file).is_file() for below in (ROOT, local, local / "engines/native"))
    ] == []
