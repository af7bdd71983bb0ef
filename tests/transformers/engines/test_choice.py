"""What we wrote runs on the compiled kernels; everything else, and what asks for it, on ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank import rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.engines import choice
from localrank_transformers.engines.choice import open_engine
from localrank_transformers.engines.native.engine import NativeEngine
from localrank_transformers.engines.native.library import library
from localrank_transformers.engines.onnx.session import OnnxEngine
from tests.support import packed_encoders, tiny_models

with_kernels = pytest.mark.skipif(library() is None, reason="no compiled kernels for this machine")


@with_kernels
@pytest.mark.parametrize("int8", [False, True])
def test_what_we_wrote_runs_on_the_kernels(tmp_path: Path, *, int8: bool) -> None:
    onnx = packed_encoders.build(tmp_path / "m", int8=int8)
    assert isinstance(open_engine(onnx, pad_id=0, int8=int8), NativeEngine)


def test_an_execution_provider_asks_for_onnx_runtime(tmp_path: Path) -> None:
    onnx = packed_encoders.build(tmp_path / "m")
    engine = open_engine(onnx, pad_id=0, int8=True, execution_providers=["CPUExecutionProvider"])
    assert isinstance(engine, OnnxEngine)


def test_an_export_runs_on_onnx_runtime(tmp_path: Path) -> None:
    onnx = tiny_models.build(tmp_path / "m") / "onnx/model.onnx"
    assert isinstance(open_engine(onnx, pad_id=0, int8=False), OnnxEngine)


def test_bytes_run_on_onnx_runtime(tmp_path: Path) -> None:
    onnx = packed_encoders.build(tmp_path / "m")
    assert isinstance(open_engine(onnx.read_bytes(), pad_id=0, int8=True), OnnxEngine)


def test_without_kernels_onnx_runtime_takes_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "open_native", lambda onnx, *, is_kept: None)
    onnx = packed_encoders.build(tmp_path / "m")
    assert isinstance(open_engine(onnx, pad_id=0, int8=True), OnnxEngine)


@with_kernels
def test_both_rank_the_embedded_model_alike() -> None:
    query, documents = (
        "What do pandas eat?",
        ["The sky is blue.", "Pandas eat bamboo.", "A red panda sleeps."],
    )
    ours, theirs = (
        rerank_sync(OnnxReranker(execution_providers=providers), query, documents)
        for providers in (None, ["CPUExecutionProvider"])
    )
    within = 0.02 if packed_encoders.onnx_runtime_is_exact else 0.05
    assert [hit.index for hit in ours] == [hit.index for hit in theirs]
    assert [hit.score for hit in ours] == pytest.approx([hit.score for hit in theirs], abs=within)
