"""The teacher's token vectors on disk, against the embedded model's own graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from benchmarks.embedded.teachers.token_store import TokenStore, build_store, made_by
from localrank.contract.errors import ModelLoadError
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.packing import packed_feed
from localrank_transformers.models import bundled

TEXTS = ["a river bends", "the harbour lantern shone over the black water", "copper"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "onnx").mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "onnx/model_int8.onnx"):
        (folder / name).write_bytes(bundled.read_file("localrank-tiny", name))
    return folder


def test_vectors_are_those_of_the_graph_in_direction_and_length(tmp_path: Path, model: Path) -> None:
    store = build_store(model, TEXTS, tmp_path / "store", length=192, exchanged=0.0, seed=1)
    session = ort.InferenceSession(model / "onnx/model_int8.onnx", providers=["CPUExecutionProvider"])
    assert len(store) == 3
    for place in range(3):
        ids = store.ids(place)
        (expected,) = session.run(None, packed_feed([Row(ids, np.zeros_like(ids))], with_types=False))
        found = store.vectors(place)
        assert found == pytest.approx(expected, abs=float(np.abs(expected).max()) / 200)
        assert store.lengths()[place] == len(found)


def test_pooled_vectors_are_sums_at_length_1(tmp_path: Path, model: Path) -> None:
    store = build_store(model, TEXTS, tmp_path / "store", length=192, exchanged=0.0, seed=1)
    total = store.vectors(1).sum(0)
    assert store.pooled()[1] == pytest.approx(total / np.linalg.norm(total), abs=1e-5)


def test_a_long_text_is_cut_and_keeps_its_end_token(tmp_path: Path, model: Path) -> None:
    store = build_store(model, ["river " * 50], tmp_path / "store", length=16, exchanged=0.0, seed=1)
    plain = build_store(model, ["river"], tmp_path / "plain", length=16, exchanged=0.0, seed=1)
    assert len(store.ids(0)) == 16
    assert store.ids(0)[[0, -1]].tolist() == plain.ids(0)[[0, -1]].tolist()


def test_tokens_of_every_second_text_are_exchanged_but_not_its_marks(tmp_path: Path, model: Path) -> None:
    texts = ["river " * 50] * 2
    store = build_store(model, texts, tmp_path / "store", length=64, exchanged=0.5, seed=1)
    changed, kept = store.ids(0), store.ids(1)
    assert len(np.unique(kept)) == 3
    assert 15 < np.count_nonzero(changed != kept) < 40
    assert changed[[0, -1]].tolist() == kept[[0, -1]].tolist()


def test_a_store_is_whole_when_all_is_written_and_knows_its_model(tmp_path: Path, model: Path) -> None:
    graph = model / "onnx/model_int8.onnx"
    content = graph.read_bytes()
    graph.write_bytes(b"no graph")
    with pytest.raises(ModelLoadError, match="cannot load"):
        build_store(model, TEXTS, tmp_path / "store", length=64, exchanged=0.0, seed=1)
    assert made_by(model, tmp_path / "store") is None
    graph.write_bytes(content)
    build_store(model, TEXTS, tmp_path / "store", length=64, exchanged=0.0, seed=1)
    assert made_by(model, tmp_path / "store") is True
    assert len(TokenStore(tmp_path / "store")) == 3
    graph.write_bytes(content + b"other")
    assert made_by(model, tmp_path / "store") is False
