from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localrank import InvalidDataError, InvalidRequestError
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
        ({**GOOD, "documents": ["a", 3]}, ":2: documents[1] is of type int, not text."),
        ({**GOOD, "documents": [{"id": "a", "text": ""}] * 2}, ":2: two documents have the id 'a'."),
        ({**GOOD, "relevant": [2]}, ":2: 'relevant' names 2, which is none of its 2 documents."),
        ({**GOOD, "relevant": [True]}, ":2: 'relevant' names True, which is none of its 2 documents."),
        ({**GOOD, "relevant": {"0": 0.5}}, ":2: the grade 0.5 is no whole number."),
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


def test_labels_say_the_same_as_relevant(tmp_path: Path) -> None:
    found = load_jsonl(written(tmp_path, {"query": "?", "documents": ["a", "b"], "labels": [0, 2]}))

    assert found.judgements == {"q1": {"1.0": 0, "1.1": 2}}
    assert found.pools == {"q1": ["1.0", "1.1"]}


def test_answers_without_other_candidates_make_one_corpus(tmp_path: Path) -> None:
    lines = [{"query": f"q{n}", "positive": "ab"[n // 2]} for n in range(4)]
    found = load_jsonl(written(tmp_path, *lines, {"query": "q0", "positive": "c"}))

    assert found.documents == {"1.0": "a", "3.0": "b", "5.0": "c"}
    assert found.pools == {}
    assert found.judgements == {
        "q1": {"1.0": 1, "5.0": 1},
        "q2": {"1.0": 1},
        "q3": {"3.0": 1},
        "q4": {"3.0": 1},
    }


def test_answers_with_texts_that_are_none_are_the_candidates(tmp_path: Path) -> None:
    found = load_jsonl(written(tmp_path, {"query": "?", "positive": "a", "negatives": ["b", "c"]}))

    assert found.pools == {"q1": ["1.0", "1.1", "1.2"]}
    assert found.judgements == {"q1": {"1.0": 1, "1.1": 0, "1.2": 0}}


def test_pairs_of_one_query_come_together(tmp_path: Path) -> None:
    pairs = [("A", "x", 1), ("B", "x", 0), ("A", "y", 0), ("B", "y", 2), ("A", "x", 2)]
    found = load_jsonl(written(tmp_path, *({"query": q, "document": d, "label": n} for q, d, n in pairs)))

    assert (found.queries, found.documents) == ({"q1": "A", "q2": "B"}, {"1.0": "x", "3.0": "y"})
    assert found.judgements == {"q1": {"1.0": 2, "3.0": 0}, "q2": {"1.0": 0, "3.0": 2}}
    assert found.pools == {"q1": ["1.0", "3.0"], "q2": ["1.0", "3.0"]}


def test_lists_beside_answers_alone_are_asked_of_everything_and_it_is_said(tmp_path: Path) -> None:
    found = load_jsonl(written(tmp_path, GOOD, {"query": "!", "positive": "c"}))

    assert found.pools == {}
    assert found.remarks == ("1 of 2 queries name no candidates, so all are asked of all documents.",)


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        ({"query": "?", "documents": ["a", "b"]}, ":2: 'documents' without 'relevant' or 'labels'"),
        ({"query": "?", "document": "a", "label": 0.5}, ":2: the grade 0.5 is no whole number"),
    ],
)
def test_what_training_reads_and_measuring_cannot_use_says_why(
    tmp_path: Path, record: Any, complaint: str
) -> None:
    with pytest.raises(InvalidDataError) as error:
        load_jsonl(written(tmp_path, GOOD, record))

    assert complaint in error.value.message
