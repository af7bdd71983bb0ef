"""The rerankers that the guides write keep the rules that the guides send people to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from localrank.testing import ConformanceError, run_conformance
from tests.docs.code_blocks import python_blocks, run_page

ROOT = Path(__file__).parents[2]

WAIVED: dict[str, dict[str, str]] = {}
"""Class → rule → why it need not keep it."""

BROKEN = {"Neighbourly": "batch_composition"}
"""What a page writes in order to show that the kit finds its fault: class → the rule that it breaks."""


def _written(page: Path) -> Iterator[str]:
    """Yield the names of the rerankers that a page writes; those of blocks that are not run count too."""
    for block in python_blocks(page.read_text("utf-8")):
        for name, body in re.findall(r"^class (\w+).*?:\n((?:[ \t].*\n|\n)+)", block.source, re.MULTILINE):
            if "def do_rerank" in body:
                yield name


PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
CLASSES = [(page, name) for page in PAGES for name in _written(page)]


@cache
def _names_of(page: Path) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for _ in run_page(page, names):
        pass
    return names


def test_the_guides_write_rerankers() -> None:
    names = {name for _, name in CLASSES}

    assert {"SharedWords", "Slow", *BROKEN} <= names
    assert {*WAIVED, *BROKEN} <= names


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(("page", "name"), [case for case in CLASSES if case[1] not in BROKEN])
def test_a_guides_reranker_keeps_every_rule(page: Path, name: str, backend: str) -> None:
    anyio.run(partial(run_conformance, _names_of(page)[name], waive=WAIVED.get(name)), backend=backend)


@pytest.mark.parametrize(("page", "name"), [case for case in CLASSES if case[1] in BROKEN])
def test_what_a_guide_writes_with_a_fault_has_that_one_alone(page: Path, name: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        anyio.run(run_conformance, _names_of(page)[name])

    assert [failure.rule for failure in caught.value.failures] == [BROKEN[name]]
