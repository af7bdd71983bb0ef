"""Training data in each of the forms that people have."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.data.reading import read_lists


def written(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_a_positive_with_negatives_is_a_labelled_list(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.jsonl", {"query": "q", "positive": "p", "negatives": ["n", "p"], "licence": "MIT"}
    )
    assert read_lists([path]) == [TrainingList("q", ("p", "n"), (1.0, 0.0), None, "MIT")]


def test_pairs_of_one_query_come_together_with_the_highest_label(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.jsonl",
        {"query": "q", "document": "a", "label": 0},
        {"query": "r", "document": "a", "label": 1},
        {"query": "q", "document": "b", "label": 2},
        {"query": "q", "document": "a", "label": 1},
    )
    assert read_lists([path]) == [
        TrainingList("q", ("a", "b"), (1.0, 2.0)),
        TrainingList("r", ("a",), (1.0,)),
    ]


def test_a_list_keeps_scores_and_may_lack_labels(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", {"query": "q", "documents": ["a", "b"], "scores": [3, -1.5]})
    assert read_lists([path]) == [TrainingList("q", ("a", "b"), None, (3.0, -1.5))]


def test_equal_texts_of_a_list_become_one_in_the_place_of_the_first(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.jsonl",
        {"query": "q", "documents": ["a", "b", "a"], "labels": [0, 0, 1], "scores": [1, 2, 3]},
    )
    assert read_lists([path]) == [TrainingList("q", ("a", "b"), (1.0, 0.0), (1.0, 2.0))]


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"query": "q", "positive": "p"}\n'))
    assert read_lists([path]) == [TrainingList("q", ("p",), (1.0,))]


def test_a_beir_folder_gives_its_judgements_with_titles(tmp_path: Path) -> None:
    written(
        tmp_path / "corpus.jsonl", {"_id": "d1", "title": "T", "text": "one"}, {"_id": "d2", "text": "two"}
    )
    written(tmp_path / "queries.jsonl", {"_id": "q1", "text": "q"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n\n")
    assert read_lists([tmp_path]) == [TrainingList("q", ("T one", "two"), (2.0, 0.0), source=tmp_path.name)]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"query": "q"}, "the keys are 'query': no 'documents', 'positive' or 'document' among them"),
        ({"query": "", "positive": "p"}, "'query' is blank"),
        ({"query": "q", "documents": ["a"], "labels": [-1]}, "A label is -1"),
        ({"query": "q", "document": "d"}, "'label' is no number"),
        ({"query": "q", "documents": ["a"], "labels": [1, 0]}, "2 labels for 1 documents"),
        ({"query": "q", "documents": ["a"], "scores": ["x"]}, "'scores' is no list of numbers"),
        (["q"], "a list, not a JSON object"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, record: Any, said: str) -> None:
    path = written(tmp_path / "a.jsonl", {"query": "q", "positive": "p"}, record)
    with pytest.raises(InvalidRequestError, match=said) as caught:
        read_lists([path])
    assert "a.jsonl:2" in str(caught.value)


@pytest.mark.parametrize("line", ["[" * 100_000, "9" * 5000])
def test_json_beyond_what_python_reads_is_a_wrong_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"query": "q", "positive": "p"}}\n{line}\n')
    with pytest.raises(InvalidRequestError, match=r"a\.jsonl:2: no valid JSON"):
        read_lists([path])


@pytest.mark.parametrize(
    ("name", "record", "said"),
    [
        ("corpus.jsonl", {"text": "one"}, "corpus.jsonl:1: there is no '_id'"),
        ("corpus.jsonl", {"_id": "d1", "body": "one"}, "corpus.jsonl:1: there is no 'text'"),
        ("corpus.jsonl", {"_id": "d1", "text": None}, "corpus.jsonl:1: 'text' is of type NoneType"),
        ("queries.jsonl", {"_id": "q1"}, "queries.jsonl:1: there is no 'text'"),
    ],
)
def test_a_wrong_line_of_a_beir_folder_is_named(tmp_path: Path, name: str, record: Any, said: str) -> None:
    written(tmp_path / "corpus.jsonl", {"_id": "d1", "text": "one"})
    written(tmp_path / "queries.jsonl", {"_id": "q1", "text": "q"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "train.tsv").write_text("q1\td1\t1\n")
    written(tmp_path / name, record)
    with pytest.raises(InvalidRequestError) as caught:
        read_lists([tmp_path])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("q1\td1", "train.tsv:2: 2 columns"),
        ("q1\td9\t1", "train.tsv: there is no document 'd9'"),
        ("q9\td1\t1", "train.tsv: there is no query 'q9'"),
        ("q1\td1\tmuch", "train.tsv:2: the grade 'much' is no number"),
        ("q1\td1\tnan", "train.tsv:2: the grade 'nan' is no number"),
    ],
)
def test_a_wrong_judgement_of_a_beir_folder_is_named(tmp_path: Path, line: str, said: str) -> None:
    written(tmp_path / "corpus.jsonl", {"_id": "d1", "text": "one"}, {"_id": 2, "text": "two"})
    written(tmp_path / "queries.jsonl", {"_id": "q1", "text": "q"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "train.tsv").write_text(f"q1\t2\t1\n{line}\n")
    with pytest.raises(InvalidRequestError) as caught:
        read_lists([tmp_path])
    assert said in str(caught.value)


def test_a_folder_without_a_corpus_is_no_beir_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"has no corpus\.jsonl") as caught:
        read_lists([tmp_path])
    assert "A BEIR folder holds" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"none\.jsonl cannot be read"):
        read_lists([tmp_path / "none.jsonl"])
