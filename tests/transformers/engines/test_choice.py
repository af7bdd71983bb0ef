"""int8 that we wrote runs on the compiled kernels; everything else, and what asks for it, on ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank import rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.engines import choice
from localrank_transformers.engines.choice import open_engine
from localrank_transformers.engines.native.engine import NativeEngine
from localrank_transformers.engines.native.library import library
from localrank_transformers.engines.onnx import OnnxEngine
from tests.support import rounded_encoders

with_kernels = pytest.mark.skipif(library() is None, reason="no compiled kernels for this machine")


@with_kernels
def test_int8_that_we_wrote_runs_on_the_kernels(tmp_path: Path) -> None:
    onnx = rounded_encoders.build(tmp_path / "m")
    assert isinstance(open_engine(onnx, pad_id=0, int8=True), NativeEngine)


def test_an_execution_provider_asks_for_onnx_runtime(tmp_path: Path) -> None:
    onnx = rounded_encoders.build(tmp_path / "m")
    engine = open_engine(onnx, pad_id=0, int8=True, execution_providers=["CPUExecutionProvider"])
    assert isinstance(engine, OnnxEngine)


def test_float32_runs_on_onnx_runtime(tmp_path: Path) -> None:
    onnx = rounded_encoders.build(tmp_path / "m", int8=False)
    assert isinstance(open_engine(onnx, pad_id=0, int8=False), OnnxEngine)


def test_bytes_run_on_onnx_runtime(tmp_path: Path) -> None:
    onnx = rounded_encoders.build(tmp_path / "m")
    assert isinstance(open_engine(onnx.read_bytes(), pad_id=0, int8=True), OnnxEngine)


def test_without_kernels_onnx_runtime_takes_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "open_native", lambda onnx: None)
    onnx = rounded_encoders.build(tmp_path / "m")
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
    assert [hit.index for hit in ours] == [hit.index for hit in theirs]
    assert [hit.score for hit in ours] == pytest.approx([hit.score for hit in theirs], abs=0.02)
