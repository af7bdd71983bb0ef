"""The interface page names what there is: every public name of the core, and every field of a result."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import localrank

PAGES = Path(__file__).parents[2] / "docs"
TEXT = "".join(
    (PAGES / page).read_text("utf-8")
    for page in ("reference/api.md", "reference/errors.md", "guides/combining.md")
)


@pytest.mark.parametrize("name", [name for name in localrank.__all__ if not name.startswith("__")])
def test_a_public_name_is_on_a_page_of_reference(name: str) -> None:
    assert f"{name}`" in TEXT or f"{name}(" in TEXT


@pytest.mark.parametrize(
    "name", ["RankedDocument", "RerankOutcome", "RerankUsage", "RerankWarning", "RerankResponse"]
)
def test_every_field_of_a_result_is_on_the_page(name: str) -> None:
    row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{name}`"))

    assert [
        field.name for field in dataclasses.fields(getattr(localrank, name)) if f"`{field.name}`" not in row
    ] == []
