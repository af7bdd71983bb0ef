"""A small model out of a large one."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

for needed in ("torch", "sentence_transformers", "datasets", "accelerate"):
    pytest.importorskip(needed)

from benchmarks.embedded.shipping import finish  # noqa: E402
from benchmarks.embedded.training import distil, train  # noqa: E402
from localrank_transformers.training.model.late_folder import read_head  # noqa: E402
from tests.benchmarks.embedded.recipe import run, write_collection, write_rows  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own
]


def write_records(folder: Path) -> Path:
    names = [
        "sun",
        "river",
        "stone",
        "cloud",
        "engine",
        "violin",
        "harbour",
        "lantern",
        "copper",
        "wood",
        "road",
    ]
    texts = {f"a {one}": f"the {one} is of fire and older than the {other}" for one, other in pairwise(names)}
    texts |= {"a moon": "the moon is of stone", "a secret question": "its answer"}
    rows = [
        {
            "query": query,
            "passage": passage,
            "source": "s",
            "group": query,
            "kind": "qa",
            "licence": "CC0-1.0",
        }
        for query, passage in texts.items()
    ]
    write_rows(folder / "openstax.jsonl.gz", rows)
    return folder


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bi_encoder: Path, lists: Path) -> Path:
    places = ("--late", "--data", lists, "--base", bi_encoder, "--out", tmp_path / "run")
    run(monkeypatch, train, *places, "--steps", 1, "--save-every", 1, "--batch-size", 2)
    run(monkeypatch, finish, tmp_path / "run" / "averaged-1", "--data", lists, "--out", tmp_path / "teacher")
    return tmp_path / "teacher"


def test_a_student_learns_the_teachers_vectors_and_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, teacher: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    records, evaluation = write_records(tmp_path / "records"), tmp_path / "eval"
    write_collection(evaluation / "held-out", "a secret question")
    monkeypatch.setattr(distil, "_WARMUP", 1)
    monkeypatch.setattr(distil, "_REPORT", 5)
    places = ("--teacher", teacher, "--train", records, "--eval", evaluation, "--out", tmp_path / "small")
    store = ("--store", tmp_path / "store")
    shape = ("--layers", 1, "--hidden", 16, "--steps", 40, "--learning-rate", 1e-2)
    run(monkeypatch, distil, *places, *store, *shape)

    said = capfd.readouterr().err.splitlines()
    assert any(line.endswith("1 of 11 records overlap") for line in said)  # "a moon" is kept for development
    assert any(line.endswith("20 texts") for line in said)
    found = [line.split() for line in said if line.startswith("step ")]
    vectors, order = ([float(line[line.index(name) + 1]) for line in found] for name in ("vectors", "order"))
    assert vectors[-1] < vectors[0] / 2, vectors
    assert order[-1] < order[0] / 2, order
    assert json.loads((tmp_path / "small" / "config.json").read_text())["hidden_size"] == 16
    assert read_head(tmp_path / "small") == read_head(teacher)

    more = (
        "--out",
        tmp_path / "more",
        "--student",
        tmp_path / "small",
        "--steps",
        5,
        "--learning-rate",
        1e-6,
    )
    run(monkeypatch, distil, *places, *store, *more)
    assert (
        float(capfd.readouterr().err.split("vectors ")[-1].split()[0]) < vectors[0] / 2
    )  # it goes on from there


def test_a_teacher_without_a_graph_and_vectors_of_another_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ("--train", tmp_path, "--eval", tmp_path, "--out", tmp_path / "out", "--store", tmp_path)
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, distil, "--teacher", tmp_path, *places)
    assert "finish wrote" in capsys.readouterr().err
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "model_int8.onnx").touch()
    (tmp_path / "made-by.txt").write_text("another")
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, distil, "--teacher", tmp_path, *places)
    assert "another model" in capsys.readouterr().err
