"""An exported graph is exchanged for a faster one, once and exactly; whatever stands in the way, the model still loads."""

from __future__ import annotations

import json
import logging
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from localrank import rerank_sync
from localrank.contract.errors import ModelLoadError
from localrank_transformers import OnnxReranker
from localrank_transformers.models.folder.model_files import ModelFiles
from localrank_transformers.models.folder.reading import read_folder
from localrank_transformers.optimizing.kept import faster as faster_graph
from localrank_transformers.optimizing.kept.faster import faster
from localrank_transformers.optimizing.kept.store import GraphStore, open_store
from localrank_transformers.optimizing.record import record_path
from tests.support import exported_graphs, tiny_encoders

QUERY = "what is rag"
DOCUMENTS = ["the capital of france", "pasta", "w1 w2 w3 w4 w5 machine learning", "retrieval " * 20, "w2"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("LOCALRANK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as exporters leave it: one float32 graph with a mask, no safetensors."""
    return exported(tmp_path / "m", "bert")


def exported(folder: Path, kind: str) -> Path:
    tiny_encoders.build(folder, kind)
    exported_graphs.write(folder)
    (folder / "model.safetensors").unlink()
    return folder


def logits(folder: Path, **settings: object) -> dict[int, float]:
    with OnnxReranker(folder, **settings) as reranker:
        return {hit.index: hit.metadata["logit"] for hit in rerank_sync(reranker, QUERY, DOCUMENTS)}


def store_of(folder: Path) -> GraphStore:
    files = read_folder(folder, "fp32")
    assert isinstance(files.onnx, Path)
    return open_store(files.onnx, files.config)


@pytest.mark.parametrize("kind", ["bert", "electra", "xlm-roberta"])
def test_the_scores_are_those_of_the_exported_graph(tmp_path: Path, kind: str) -> None:
    folder = exported(tmp_path / kind, kind)
    expected = logits(folder, optimize=False)
    assert store_of(folder).graph("fp32") is None, "nothing is made where that is not wanted"
    assert pytest.approx(expected, abs=1e-5) == logits(folder)
    assert store_of(folder).graph("fp32") is not None, store_of(folder).refusal


def test_it_is_made_once(folder: Path) -> None:
    logits(folder)
    made = store_of(folder).place("fp32").stat()
    logits(folder)
    assert made.st_mtime_ns == store_of(folder).place("fp32").stat().st_mtime_ns


def test_the_last_layer_of_the_export_computes_every_token(folder: Path) -> None:
    """What is gained: without it, the test of widths below would hold for any graph."""
    from localrank_transformers.optimizing.exactness import check_width, last_layer_widths
    from localrank_transformers.optimizing.making import family_of, list_rows
    from localrank_transformers.optimizing.sample_texts import Candidates

    files = read_folder(folder, "fp32")
    rows = list_rows(family_of(files), Candidates(QUERY, tuple(DOCUMENTS[:2])))
    own = (folder / "onnx/model.onnx").read_bytes()
    assert [(len(row.ids),) * 2 for row in rows] == last_layer_widths(own, rows)
    with pytest.raises(ModelLoadError, match="instead of one"):
        check_width(own, rows)
    made = faster(files).onnx
    assert isinstance(made, Path)
    check_width(made.read_bytes(), rows)


def test_a_graph_with_other_scores_runs_as_it_is(folder: Path) -> None:
    """The configuration lies about the heads: the new graph would be another model."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_attention_heads": 2}))
    expected = logits(folder, optimize=False)
    assert expected == logits(folder)
    assert "differ" in (store_of(folder).refusal or "")


def test_an_unrecognised_graph_runs_as_it_is_and_is_tried_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    expected = logits(folder, optimize=False)
    with caplog.at_level(logging.INFO, "localrank"):
        assert expected == logits(folder)
        assert "runs as it is" in caplog.text
        caplog.clear()
        assert expected == logits(folder)
    assert not caplog.text


def test_a_damaged_graph_is_made_again(folder: Path) -> None:
    expected = logits(folder)
    place = store_of(folder).place("fp32")
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 0xFF
    place.write_bytes(content)
    assert store_of(folder).graph("fp32") is None
    assert expected == logits(folder)
    assert store_of(folder).graph("fp32") is not None


def test_a_damaged_record_is_made_again(folder: Path) -> None:
    logits(folder)
    record_path(store_of(folder).place("fp32")).write_text("{")
    logits(folder)
    assert store_of(folder).record("fp32") is not None


def test_a_cache_that_cannot_be_written_fails_no_load(folder: Path, cache: Path) -> None:
    expected = logits(folder, optimize=False)
    cache.write_text("a file where a folder should be")
    assert expected == logits(folder)


def test_a_cache_that_cannot_be_written_still_gives_int8(folder: Path, cache: Path) -> None:
    cache.write_text("a file where a folder should be")
    assert len(logits(folder, precision="int8")) == len(DOCUMENTS)


def test_without_onnx_the_graph_runs_as_it_is_and_says_what_would_help(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = logits(folder, optimize=False)
    monkeypatch.setattr(faster_graph, "find_spec", lambda _name: None)
    with caplog.at_level(logging.INFO, "localrank"):
        assert expected == logits(folder)
    assert "localrank[optimize]" in caplog.text
    with pytest.raises(ModelLoadError, match="onnx") as caught:
        logits(folder, precision="int8")
    assert "localrank[optimize]" in (caught.value.hint or "")


def test_other_weights_have_a_store_of_their_own(folder: Path, tmp_path: Path) -> None:
    other = exported(tmp_path / "other", "bert")
    assert store_of(folder).folder == store_of(other).folder, "equal content, wherever it lies"
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-6}))
    assert store_of(folder).folder != store_of(other).folder


def test_a_folder_with_float32_only_gives_int8(folder: Path) -> None:
    expected = logits(folder)
    found = logits(folder, precision="int8")
    assert found != expected
    assert max(abs(found[index] - expected[index]) for index in expected) < 0.2
    record = store_of(folder).record("int8")
    assert record is not None
    assert record.agreement is not None
    assert (record.agreement.lists, record.agreement.pairs) == (8, 128)
    with pytest.raises(ModelLoadError, match="no ONNX file for precision='int8'"):
        logits(folder, precision="int8", optimize=False)


def test_a_folder_with_float32_only_is_refined(folder: Path) -> None:
    exact = logits(folder)
    documents = [f"w{number} the capital" for number in range(60)]
    with OnnxReranker(folder, precision="refined") as refined, OnnxReranker(folder) as plain:
        found = rerank_sync(refined, QUERY, documents, top_k=3)
        expected = rerank_sync(plain, QUERY, documents, top_k=3)
    assert exact
    assert [hit.score for hit in expected] == pytest.approx([hit.score for hit in found], abs=1e-5)


def test_int8_that_cannot_be_made_names_the_command(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(ModelLoadError) as caught:
        logits(folder, precision="int8")
    assert "localrank models optimize" in (caught.value.hint or "")


def test_int8_scores_do_not_depend_on_neighbours_of_equal_length(folder: Path) -> None:
    """Dynamic rounding takes its scale from the whole run, so that even equal lengths may not share one."""
    alike = [f"w{number} w{number + 1} w{number + 2}" for number in range(30)]
    with OnnxReranker(folder, precision="int8") as reranker:
        alone = [rerank_sync(reranker, QUERY, [text])[0].score for text in alike]
        together = rerank_sync(reranker, QUERY, alike)
    assert alone == [hit.score for hit in sorted(together, key=lambda hit: hit.index)]


def test_int8_of_a_written_folder_does_not_depend_on_neighbours(tmp_path: Path) -> None:
    from localrank_transformers.optimizing.optimize import optimize

    source = tiny_encoders.build(tmp_path / "source", "bert")
    optimize(source, tmp_path / "out", candidates=[])
    assert read_folder(tmp_path / "out", "int8").int8
    assert not read_folder(tmp_path / "out", "fp32").int8


def test_many_processes_may_make_it_at_once(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        scores = pool.map(logits, [folder] * 3)
    assert scores[0] == scores[1] == scores[2]
    store = store_of(folder)
    assert store.graph("fp32") is not None
    assert sorted(path.name for path in store.folder.iterdir()) == ["fp32.json", "fp32.onnx"]


def test_what_was_written_here_is_not_written_again(tmp_path: Path) -> None:
    from localrank_transformers.optimizing.optimize import optimize

    source = tiny_encoders.build(tmp_path / "source", "bert")
    optimize(source, tmp_path / "out", candidates=[])
    files = read_folder(tmp_path / "out", "fp32")
    assert faster(files) is files


def test_a_large_model_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: ModelFiles = read_folder(folder, "fp32")
    monkeypatch.setattr(faster_graph, "LARGEST_MB", 0)
    assert faster(files) is files
    int8 = replace(files, int8=True)
    assert faster(int8) is int8


def test_the_exported_graph_of_these_tests_is_the_models_own(tmp_path: Path) -> None:
    """The helper that stands in for exporters agrees with the forward pass written out in numpy."""
    source = tiny_encoders.build(tmp_path / "source", "bert")
    exported_graphs.write(source)
    tensors = load_file(source / "model.safetensors")
    config = json.loads((source / "config.json").read_text())
    ids = np.array([2, 7, 8, 3, 9, 3])
    types = np.array([0, 0, 0, 0, 1, 1])
    found = exported_graphs.run(source, ids, types)
    np.testing.assert_allclose(found, tiny_encoders.forward(tensors, config, ids, types), atol=1e-4)
