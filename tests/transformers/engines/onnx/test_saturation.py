"""ONNX Runtime's int8 sums are cut on a processor without VNNI; the first result says so, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank import RerankWarning, rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.engines.onnx import saturation
from localrank_transformers.exporting.quantize import quantize
from tests.support import exported_graphs, tiny_encoders

WITHOUT, WITH = ("AVX512", "AVX2"), ("AVX512-VNNI", "AVX512", "AVX2")


def quantized(folder: Path, *, seven_bits: bool = False, signed: bool = True) -> Path:
    """Return a model folder whose int8 graph another tool wrote."""
    tiny_encoders.build(folder, "bert")
    graph = exported_graphs.write(folder)
    quantize(graph, graph.with_name("model_int8.onnx"), seven_bits=seven_bits, signed=signed)
    return folder


def warnings_of(folder: Path, **settings: object) -> list[RerankWarning]:
    with OnnxReranker(folder, precision="int8", **settings) as model:
        found, again = (rerank_sync(model, "why", ["because", "whatever"]) for _ in range(2))
    assert not again.warnings
    return list(found.warnings)


@pytest.fixture
def without_vnni(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saturation, "cpu_features", lambda: WITHOUT)


@pytest.mark.usefixtures("without_vnni")
def test_the_first_result_warns_once(tmp_path: Path) -> None:
    (warning,) = warnings_of(quantized(tmp_path))
    assert (warning.type, warning.feature) == ("compatibility", "precision")
    assert "model_int8.onnx" in warning.message
    assert "localrank models optimize" in warning.message


@pytest.mark.usefixtures("without_vnni")
@pytest.mark.parametrize("kind", [{"seven_bits": True}, {"signed": False}])
def test_what_is_not_cut_is_no_warning(tmp_path: Path, kind: dict[str, bool]) -> None:
    assert warnings_of(quantized(tmp_path, **kind)) == []


@pytest.mark.parametrize("features", [WITH, ("NEON",), None])
def test_another_processor_is_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, features: tuple[str, ...] | None
) -> None:
    monkeypatch.setattr(saturation, "cpu_features", lambda: features)
    assert warnings_of(quantized(tmp_path)) == []


@pytest.mark.usefixtures("without_vnni")
def test_a_file_that_is_no_graph_is_no_warning(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\xff" * 40)
    assert saturation.cut_sums(path) is None
