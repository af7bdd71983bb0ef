"""The steps that make late-interaction models (teacher, training, finish, distillation), on a very small model."""

from __future__ import annotations

import gzip
import json
import math
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

for needed in ("torch", "sentence_transformers", "datasets", "accelerate"):
    pytest.importorskip(needed)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import BertConfig, BertModel  # noqa: E402

from benchmarks.embedded.shipping import finish  # noqa: E402
from benchmarks.embedded.teachers import tokens  # noqa: E402
from benchmarks.embedded.teachers.mixing import mixed  # noqa: E402
from benchmarks.embedded.training import distil, train  # noqa: E402
from localrank import rerank_sync  # noqa: E402
from localrank_transformers import OnnxReranker  # noqa: E402
from localrank_transformers.models import bundled  # noqa: E402
from localrank_transformers.training.model.late_folder import is_late_folder, read_head  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own
]


@pytest.fixture
def bi_encoder(tmp_path: Path) -> Path:
    folder = tmp_path / "bi-encoder"
    torch.manual_seed(5)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(**shape)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes(bundled.read_file("localrank-mini", name))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    words = ["river", "stone", "cloud", "engine", "violin", "harbour", "lantern", "copper"]
    for name, kind in (("train", "qa"), ("dev", "qa")):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt") as lines:
            for number in range(8):
                documents = [f"a text of the {words[(number + place) % 8]}" for place in range(4)]
                row = {
                    "query": f"what is the {words[number]}?",
                    "documents": documents,
                    "scores": [2.0, 1.0, 0.0, 0.0],
                    "labels": [1, 0, 0, 0],
                    "kind": kind,
                    "source": "squad",
                }
                lines.write(json.dumps(row) + "\n")
    return folder


def write_records(folder: Path) -> Path:
    folder.mkdir()
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
    with gzip.open(folder / "openstax.jsonl.gz", "wt") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    return folder


def write_collection(folder: Path, query: str) -> None:
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(json.dumps({"_id": "d", "text": "x"}) + "\n")
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": query}) + "\n")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n")


def run(monkeypatch: pytest.MonkeyPatch, script: ModuleType, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [script.__name__, *map(str, arguments)])
    assert script.main() == 0


def test_the_token_vectors_say_half_of_a_list(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bi_encoder: Path, data: Path
) -> None:
    run(monkeypatch, tokens, "--data", data, "--teacher", bi_encoder, "--out", tmp_path / "taught")
    with gzip.open(tmp_path / "taught" / "train.jsonl.gz", "rt") as lines:
        row = json.loads(next(lines))
    vectors = tokens.token_vectors(bi_encoder, [row["query"], *row["documents"]])
    asked = vectors[row["query"]]
    cosines = [tokens.best_cosines(asked, vectors[text], by_length=False) for text in row["documents"]]
    powers = np.exp(25 * np.array(cosines))
    before = np.exp([2.0, 1.0, 0.0, 0.0])
    expected = (before / before.sum() + powers / powers.sum()) / 2
    assert np.exp(row["scores"]) == pytest.approx(expected, abs=2e-4)
    assert (tmp_path / "taught" / "dev.jsonl.gz").read_bytes() == (data / "dev.jsonl.gz").read_bytes()


def test_lists_that_are_read_are_not_written_over(
    monkeypatch: pytest.MonkeyPatch, bi_encoder: Path, data: Path
) -> None:
    before = (data / "train.jsonl.gz").read_bytes()
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, tokens, "--data", data, "--teacher", bi_encoder, "--out", data)
    assert (data / "train.jsonl.gz").read_bytes() == before


def test_the_best_cosines_are_averaged_over_the_query() -> None:
    query = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    document = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
    half = math.sqrt(0.5)
    equally = tokens.best_cosines(query, document, by_length=False)
    by_length = tokens.best_cosines(query, document, by_length=True)
    assert (equally, by_length) == (pytest.approx((1 + half) / 2), pytest.approx((3 + half) / 4))


def test_a_teacher_alone_replaces_what_the_list_said() -> None:
    cosines = np.array([0.9, 0.5], np.float32)
    found = mixed(np.array([0.0, 9.0], np.float32), cosines, 1.0)
    assert found[0] - found[1] == pytest.approx(25 * 0.4, abs=0.05)


def test_a_bi_encoder_becomes_a_calibrated_model_with_graphs_that_go_on_after_an_interruption(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bi_encoder: Path, data: Path
) -> None:
    places = ["--late", "--data", data, "--base", bi_encoder, "--out", tmp_path / "run"]
    often = ["--batch-size", 2, "--save-every", 2]
    run(monkeypatch, train, *places, *often, "--steps", 2)
    run(monkeypatch, train, *places, *often, "--steps", 4, "--resume")
    checkpoint = tmp_path / "run" / "averaged-4"
    before, after = (load_file(folder / "model.safetensors") for folder in (bi_encoder, checkpoint))
    words = "embeddings.word_embeddings.weight"
    assert after[words].equal(before[words])
    assert (
        after["encoder.layer.1.output.dense.weight"].ne(before["encoder.layer.1.output.dense.weight"]).any()
    )

    run(monkeypatch, finish, checkpoint, "--data", data, "--out", tmp_path / "model")
    assert is_late_folder(tmp_path / "model")
    assert read_head(tmp_path / "model") != read_head(checkpoint)
    first = rerank_sync(OnnxReranker(tmp_path / "model", precision="int8"), "the river", ["the river", "x"])
    assert first[0].text == "the river"


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bi_encoder: Path, data: Path) -> Path:
    places = ("--late", "--data", data, "--base", bi_encoder, "--out", tmp_path / "run")
    run(monkeypatch, train, *places, "--steps", 1, "--save-every", 1, "--batch-size", 2)
    run(monkeypatch, finish, tmp_path / "run" / "averaged-1", "--data", data, "--out", tmp_path / "teacher")
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
