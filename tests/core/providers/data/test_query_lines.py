"""Every form of a line that people have, read once for all commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localrank import InvalidDataError
from localrank.providers.data.query_lines import QueryLine, query_lines
from tests.support.hub_folder import write_rows


def read(path: Path, *records: Any) -> list[QueryLine]:
    return list(query_lines(write_rows(path, records)))


@pytest.mark.parametrize(
    ("record", "documents", "grades", "is_list"),
    [
        ({"documents": ["a", "b"], "relevant": [1]}, ("a", "b"), (0.0, 1.0), True),
        ({"documents": ["a", "b"], "relevant": {"0": 2, "1": 0.5}}, ("a", "b"), (2.0, 0.5), True),
        ({"documents": ["a", "b"], "labels": [0, 2]}, ("a", "b"), (0.0, 2.0), True),
        ({"documents": ["a", "b"]}, ("a", "b"), None, True),
        ({"positive": "a"}, ("a",), (1.0,), False),
        ({"positive": "a", "negatives": ["b", "a"]}, ("a", "b"), (1.0, 0.0), False),
        ({"positive": "a", "negative": "b"}, ("a", "b"), (1.0, 0.0), False),
        ({"pos": ["a", "c"], "neg": ["b"]}, ("a", "c", "b"), (1.0, 1.0, 0.0), False),
        ({"passage": {"title": "T", "text": "a"}, "negatives": None}, ("T a",), (1.0,), False),
        ({"document": "a", "label": 0}, ("a",), (0.0,), False),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_a_line_says_documents_and_grades(
    tmp_path: Path, name: str, record: dict[str, Any], documents: Any, grades: Any, *, is_list: bool
) -> None:
    (line,) = read(tmp_path / name, {"query": "q", **record})

    assert (line.query, line.documents, line.grades, line.is_list) == ("q", documents, grades, is_list)


def test_ids_scores_licence_and_source_are_kept(tmp_path: Path) -> None:
    documents = [{"id": "a", "text": "x"}, {"_id": 7, "text": "y"}]
    record = {"id": "n", "query": "q", "documents": documents, "relevant": ["7"], "scores": [1, 2]}

    assert read(tmp_path / "a.jsonl", {**record, "license": "MIT", "source": "s"}) == [
        QueryLine(1, "q", ("x", "y"), ("a", "7"), (0.0, 1.0), (1.0, 2.0), True, "n", "MIT", "s")
    ]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"question": "q"}, "there is no 'query'."),
        (
            {"query": "q", "text": "a"},
            "the keys are 'query', 'text': no 'documents', 'positive' or 'document'",
        ),
        ({"query": "q", "documents": ["a"], "relevant": [0], "labels": [1]}, "both 'relevant' and 'labels'"),
        ({"query": "q", "documents": ["a"], "labels": [1, 0]}, "2 labels for 1 documents"),
        ({"query": "q", "documents": ["a"], "labels": [True]}, "'labels' is no list of numbers"),
        ({"query": "q", "documents": ["a"], "relevant": {"0": 10**400}}, "the grade of '0' is no number"),
        ({"query": "q", "documents": [{"text": 3}]}, "'text' is of type int"),
        ({"query": "q", "positive": 3}, "'positive' is of type int"),
        ({"query": "q", "positive": []}, "'positive' is blank"),
        ({"query": "q", "positive": ["a", " "]}, "'positive' is blank"),
        ({"query": "q", "document": "a", "label": "yes"}, "'label' is no number"),
        ({"query": " ", "document": "a", "label": 1}, "'query' is blank"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wanted(tmp_path: Path, record: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidDataError, match=r"a\.jsonl:2: ") as caught:
        read(tmp_path / "a.jsonl", {"query": "q", "positive": "p"}, record)

    assert said in str(caught.value)


def test_a_line_of_no_form_shows_an_example_of_each(tmp_path: Path) -> None:
    with pytest.raises(InvalidDataError) as caught:
        read(tmp_path / "a.jsonl", {"query": "q", "answer": "a"})

    examples = str(caught.value).partition("a line: ")[2].rstrip(".").split(", or ")
    again = write_rows(tmp_path / "b.jsonl", [json.loads(example) for example in examples])
    assert [line.query for line in query_lines(again)] == ["…"] * 3
