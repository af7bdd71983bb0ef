"""ONNX Runtime's int8 sums are cut on a processor without VNNI; the first result says so, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank import RerankWarning, rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.engines import choice
from localrank_transformers.engines.native.library import Absence, library
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


def warnings_of(folder: Path | None, **settings: object) -> list[RerankWarning]:
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
    assert saturation.cut_sums(path, is_chosen=False) is None


@pytest.mark.usefixtures("without_vnni")
def test_a_graph_of_ours_warns_where_onnx_runtime_was_asked_for() -> None:
    (warning,) = warnings_of(None, execution_providers=["CPUExecutionProvider"])
    assert (warning.type, warning.feature) == ("compatibility", "precision")
    assert "model_int8.onnx" in warning.message
    assert "Leave execution_providers out" in warning.message


@pytest.mark.usefixtures("without_vnni")
@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (Absence("they were not compiled", "Install a wheel."), "Install a wheel."),
        (Absence("this processor lacks FMA"), "They cannot run: this processor lacks FMA."),
        (None, 'precision="fp32"'),
    ],
)
def test_a_graph_of_ours_warns_where_the_kernels_cannot_run(
    monkeypatch: pytest.MonkeyPatch, missing: Absence | None, told: str
) -> None:
    monkeypatch.setattr(choice, "open_native", lambda onnx, *, is_kept: None)
    monkeypatch.setattr(saturation, "absence", lambda: missing)
    (warning,) = warnings_of(None)
    assert told in warning.message


@pytest.mark.usefixtures("without_vnni")
@pytest.mark.skipif(library() is None, reason="no compiled kernels for this machine")
def test_on_the_kernels_a_graph_of_ours_is_exact_and_no_warning() -> None:
    assert warnings_of(None) == []


@pytest.mark.usefixtures("without_vnni")
def test_the_bytes_of_a_graph_of_ours_are_known_as_well() -> None:
    warning = saturation.cut_sums(b"\x08\x0a\x12\x09localrank", is_chosen=True)
    assert warning is not None
    assert saturation.cut_sums(b"\x08\x0a\x12\x07another", is_chosen=True) is None
