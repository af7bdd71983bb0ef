"""The embedded models on torch, from the float32 weights that their int8 graphs stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from localrank_transformers import OnnxReranker, TorchReranker
from localrank_transformers.optimizing.exactness import compare
from localrank_transformers.optimizing.sample_texts import sample_candidates
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.data.teacher import logits_by


@pytest.mark.parametrize("name", ["localrank-mini", "localrank-tiny"])
def test_an_embedded_model_ranks_on_torch_as_its_int8_graph_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("LOCALRANK_CACHE", str(tmp_path))
    lists = [TrainingList(one.query, one.documents) for one in sample_candidates()]
    ours = TorchReranker(name, device="cpu", dtype="fp32")
    assert ours.score_kind == OnnxReranker(name).score_kind == "probability"

    agreement = compare(logits_by(ours, lists), logits_by(OnnxReranker(name), lists))
    assert agreement.spearman > 0.99
    assert agreement.same_first == 1.0
    assert agreement.mean_change < 0.1

    (folder,) = (tmp_path / "weights").iterdir()
    written = (folder / "model.safetensors").stat().st_mtime_ns
    logits_by(TorchReranker(name, device="cpu", dtype="fp32"), lists[:1])
    assert (folder / "model.safetensors").stat().st_mtime_ns == written


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from localrank import ModelLoadError, rerank_sync

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LOCALRANK_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelLoadError, match=r"cannot be kept in .*LOCALRANK_CACHE"):
        rerank_sync(TorchReranker("localrank-tiny", device="cpu"), "q", ["a"])
