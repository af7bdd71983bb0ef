"""The guide's tables of services and dialects are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import localrank_cohere
from localrank_cohere.dialects.table import DIALECTS, Dialect

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "remote.md").read_text("utf-8")


def row_of(name: str) -> list[str]:
    rows = (line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |") and line.count("|") == 5)
    return [cell.strip() for cell in next(rows).strip("|").split("|")]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_the_guide_says_where_a_dialect_is_asked_and_how_much_it_takes(dialect: Dialect) -> None:
    _, _, asked_at, limit = row_of(dialect.name)

    assert asked_at.strip("`") == dialect.path.replace("{model}", "MODEL")
    assert limit.startswith("no limit" if dialect.max_documents is None else f"{dialect.max_documents:,}")


@pytest.mark.parametrize(
    "dialect", [one for one in DIALECTS if one.home and one.name != "cohere-v1"], ids=lambda one: one.name
)
def test_the_guide_names_every_services_string_and_key(dialect: Dialect) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| ") and f"`{dialect.name}:" in line)

    assert [name for name in dialect.key_variables if f"`{name}`" not in row] == []


@pytest.mark.parametrize("dialect", [one for one in DIALECTS if not one.home], ids=lambda one: one.name)
def test_the_guide_says_where_a_server_is_looked_for(dialect: Dialect) -> None:
    row = next(line for line in PAGE.splitlines() if re.match(rf"\| `\w+\(.*`{dialect.name}:", line))

    assert (dialect.listens_at or "no default").removeprefix("http://") in row


def test_the_guide_names_every_class() -> None:
    classes = {name for name in localrank_cohere.__all__ if name.endswith("Reranker")}

    assert {name for name in classes if f"`{name}(" not in PAGE} == set()


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_the_guide_names_every_option(dialect: Dialect) -> None:
    line = next(
        (line for line in PAGE.splitlines() if re.match(rf"\| `{dialect.provider}`[^|]*\|[^|]*\|$", line)), ""
    )

    assert [option.name for option in dialect.options if f"`{option.name}`" not in line] == []
