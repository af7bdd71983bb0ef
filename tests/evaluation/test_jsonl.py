from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localrank import InvalidRequestError
from localrank.evaluation import load_jsonl


def written(folder: Path, *records: Any) -> Path:
    path = folder / "faq.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def test_plain_texts_get_names_of_line_and_position(tmp_path: Path) -> None:
    found = load_jsonl(
        written(tmp_path, {"query": "reset?", "documents": ["hold it", "wait"], "relevant": [1]})
    )

    assert found.name == "faq"
    assert found.queries == {"q1": "reset?"}
    assert found.documents == {"1.0": "hold it", "1.1": "wait"}
    assert found.pools == {"q1": ["1.0", "1.1"]}
    assert found.judgements == {"q1": {"1.0": 0, "1.1": 1}}


@pytest.mark.parametrize(
    ("relevant", "grades"),
    [
        ([0], {"a": 1, "7": 0}),
        (["7"], {"a": 0, "7": 1}),
        (["a", 1], {"a": 1, "7": 1}),
        ({"a": 3, "1": 2}, {"a": 3, "7": 2}),
        ([], {"a": 0, "7": 0}),
    ],
)
def test_relevant_names_positions_or_ids_or_gives_grades(
    tmp_path: Path, relevant: Any, grades: dict[str, int]
) -> None:
    documents = [{"id": "a", "title": "T", "text": "x"}, {"id": 7, "text": "y"}]
    found = load_jsonl(
        written(tmp_path, {"id": "q", "query": "?", "documents": documents, "relevant": relevant})
    )

    assert found.documents == {"a": "T x", "7": "y"}
    assert found.judgements == {"q": grades}


def test_one_document_may_belong_to_two_queries(tmp_path: Path) -> None:
    shared = {"id": "a", "text": "x"}
    lines = [{"query": name, "documents": [shared], "relevant": [0]} for name in "AB"]

    assert load_jsonl(written(tmp_path, *lines)).pools == {"q1": ["a"], "q2": ["a"]}


GOOD = {"query": "?", "documents": ["a", "b"], "relevant": [0]}


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        ({**GOOD, "query": None}, ":2: 'query' is of type NoneType, not text."),
        ({"documents": ["a"]}, ":2: there is no 'query'."),
        ({**GOOD, "documents": []}, ":2: 'documents' is absent, empty or no list."),
        ({**GOOD, "documents": ["a", 3]}, ":2: documents[1] is of type int."),
        ({**GOOD, "documents": [{"id": "a", "text": ""}] * 2}, ":2: two documents have the id 'a'."),
        ({**GOOD, "relevant": [2]}, ":2: 'relevant' names 2, which is none of its 2 documents."),
        ({**GOOD, "relevant": [True]}, ":2: 'relevant' names True, which is none of its 2 documents."),
        ({**GOOD, "relevant": {"0": 0.5}}, ":2: the grade of '0' is no whole number."),
        ({**GOOD, "relevant": 0}, ":2: 'relevant' is absent or no list."),
        ({**GOOD, "id": "q1"}, ":2: the id 'q1' is there for the second time."),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, record: Any, complaint: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        load_jsonl(written(tmp_path, GOOD, record))

    assert complaint in error.value.message


def test_one_id_for_two_texts_is_refused(tmp_path: Path) -> None:
    lines = [{"query": "?", "documents": [{"id": "a", "text": text}], "relevant": [0]} for text in "xy"]

    with pytest.raises(InvalidRequestError, match="'a' stood for another text before"):
        load_jsonl(written(tmp_path, *lines))
