"""Objects as YAML: any YAML reader gets the same object back, keys in order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank_cohere.wire.yaml_text import to_yaml

yaml = pytest.importorskip("yaml", reason="PyYAML reads back what was written")

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def test_plain_text_stays_plain() -> None:
    assert to_yaml({"title": "The Eternal City", "year": 1999}) == "title: The Eternal City\nyear: 1999\n"


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        "Null",
        "1999",
        "1e3",
        "a: b",
        "# no comment",
        "- item",
        "two\nlines",
        "",
        " padded ",
        "it's",
        "2001-01-01",
        "a #b",
        "~",
        "\x00\x7f\x85\x9f",
        "\u2028\u2029\ufeff\ufffe\uffff",
    ],
)
def test_text_that_yaml_would_read_otherwise_is_quoted(value: str) -> None:
    assert yaml.safe_load(to_yaml({"key": value})) == {"key": value}


@given(st.dictionaries(TEXT, TEXT | st.integers() | st.booleans() | st.none() | st.lists(TEXT), max_size=5))
def test_what_is_written_reads_back_in_order(document: dict[str, Any]) -> None:
    read = yaml.safe_load(to_yaml(document)) or {}

    assert list(read.items()) == list(document.items())
