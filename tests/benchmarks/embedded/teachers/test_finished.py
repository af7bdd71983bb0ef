"""A finished model as one more teacher."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from benchmarks.embedded.teachers.finished import FinishedTeacher, main
from benchmarks.embedded.teachers.retrievers import softmax
from localrank_transformers.models import bundled

QUERY = "What do rivers carry to the sea?"
DOCUMENTS = ["The violin has four strings.", "Rivers carry sand to the sea.", "A harbour by the sea."]
TEACHER = Path(bundled.__file__).parent / "localrank_tiny"


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    folder = tmp_path / "lists"
    folder.mkdir()
    for name in ("train", "dev"):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as lines:
            lines.write(
                json.dumps({"query": QUERY, "documents": DOCUMENTS, "scores": [0.0, 0.0, 0.0]}) + "\n"
            )
    return folder


def taught(lists: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> list[float]:
    words = ["finished", "--data", str(lists), "--teacher", str(TEACHER), "--out", str(out), *more]
    monkeypatch.setattr(sys, "argv", words)
    assert main() == 0
    with gzip.open(out / "train.jsonl.gz", "rt", encoding="utf-8") as written:
        scores: list[float] = json.loads(written.readline())["scores"]
    return scores


def test_cosines_stand_in_the_order_of_the_documents() -> None:
    found = FinishedTeacher(TEACHER).cosines(QUERY, DOCUMENTS)
    assert found.argmax() == 1
    assert np.all((found > -1) & (found <= 1))


def test_a_share_of_the_teacher_is_mixed_in(
    lists: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = softmax(25 * FinishedTeacher(TEACHER).cosines(QUERY, DOCUMENTS))
    scores = taught(lists, tmp_path / "out", monkeypatch, "--share", "0.5")
    assert np.exp(scores) == pytest.approx(theirs / 2 + 1 / 6, abs=1e-3)


def test_a_sharper_teacher_is_surer(lists: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = taught(lists, tmp_path / "usual", monkeypatch, "--share", "1")
    sharp = taught(lists, tmp_path / "sharp", monkeypatch, "--share", "1", "--sharpness", "60")
    assert max(sharp) > max(usual)


def test_the_development_lists_come_along(
    lists: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught(lists, tmp_path / "out", monkeypatch)
    assert (tmp_path / "out" / "dev.jsonl.gz").read_bytes() == (lists / "dev.jsonl.gz").read_bytes()


def test_the_lists_are_not_written_over(lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit):
        taught(lists, lists, monkeypatch)
