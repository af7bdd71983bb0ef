from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.common.collections import read_collection, read_run, read_texts


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "ports"
    (folder / "qrels").mkdir(parents=True)
    corpus = [
        {"_id": "d1", "title": "Bergen", "text": "a port"},
        {"_id": "d2", "title": "", "text": "a hill"},
    ]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q1", "text": "which is a port"}))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    return folder


def test_a_collection_joins_title_and_text(collection: Path) -> None:
    read = read_collection(collection)
    assert read.documents == {"d1": "Bergen a port", "d2": "a hill"}
    assert read.queries == {"q1": "which is a port"}
    assert read.qrels == {"q1": {"d1": 1}}


def test_a_run_keeps_its_order(tmp_path: Path) -> None:
    path = tmp_path / "x.run"
    path.write_text("q1 Q0 d2 1 0.5 tag\nq1 Q0 d1 2 0.25 tag\n")
    assert read_run(path) == {"q1": [("d2", 0.5), ("d1", 0.25)]}


def test_texts_come_from_every_collection_below_a_folder(collection: Path) -> None:
    texts = read_texts(collection.parent)
    assert (texts.queries, texts.documents) == (["which is a port"], ["a port", "a hill"])


def test_a_folder_of_text_files_gives_its_paragraphs_and_sentences(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("One two three four five six.\n\nShort one.\n")
    texts = read_texts(tmp_path)
    assert texts.documents == ["One two three four five six.", "Short one."]
    assert texts.queries == ["One two three four five six."]


def test_a_folder_without_text_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=tmp_path.name):
        read_texts(tmp_path)
