"""What counts as an evaluation text in training."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest

from benchmarks.embedded.records.overlap import EvaluationTexts, main, protected_texts

RELEVANT = "the quick brown fox jumps over the lazy dog and then it rests under a tree"


def collection(folder: Path) -> Path:
    place = folder / "little"
    (place / "qrels").mkdir(parents=True)
    documents = [{"_id": "d1", "text": RELEVANT}, {"_id": "d2", "text": RELEVANT.replace("fox", "cat")}]
    (place / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)) + "\n")
    (place / "queries.jsonl").write_text(json.dumps({"_id": "q1", "text": "Where does it rest?"}) + "\n")
    (place / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\n")
    return folder


def test_thirteen_words_in_a_row_are_a_hit() -> None:
    texts = EvaluationTexts([], [RELEVANT])
    assert texts.holds(f"Before. {' '.join(RELEVANT.split()[2:15])} after.")


def test_twelve_words_in_a_row_are_none() -> None:
    texts = EvaluationTexts([], [RELEVANT])
    assert not texts.holds(f"Before. {' '.join(RELEVANT.split()[2:14])} after.")


def test_case_and_punctuation_hide_nothing() -> None:
    texts = EvaluationTexts([], [RELEVANT])
    assert texts.holds(RELEVANT.upper().replace(" ", ", "))


def test_a_short_query_is_a_hit_as_a_whole_only() -> None:
    texts = EvaluationTexts(["Where does it rest?"], [])
    assert texts.holds("where does it rest")
    assert not texts.holds("where does it rest today")


def test_only_relevant_documents_are_protected(tmp_path: Path) -> None:
    protected = protected_texts(collection(tmp_path))
    assert protected.holds(RELEVANT)
    assert not protected.holds(" ".join(RELEVANT.replace("fox", "cat").split()[:14]))


@pytest.mark.parametrize(("document", "status"), [(RELEVANT, 1), ("something else", 0)])
def test_the_command_fails_on_a_hit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: str, status: int
) -> None:
    lists = tmp_path / "train.jsonl.gz"
    with gzip.open(lists, "wt") as lines:
        lines.write(json.dumps({"query": "a query", "documents": [document]}) + "\n")
    monkeypatch.setattr(sys, "argv", ["overlap", "--eval", str(collection(tmp_path)), str(lists)])
    assert main() == status
