from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.common.texts import read_texts


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "ports"
    folder.mkdir()
    corpus = [
        {"_id": "d1", "title": "Bergen", "text": "a port"},
        {"_id": "d2", "title": "", "text": "a hill"},
    ]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q1", "text": "which is a port"}))
    return folder


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
