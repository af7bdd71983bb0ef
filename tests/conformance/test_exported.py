"""`OnnxReranker` keeps the rules of a good reranker with a graph that was exported here."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")
pytest.importorskip("onnxscript", reason="needs the extra `golden`")

from localrank.testing.suite import RerankerConformance
from localrank_transformers import OnnxReranker
from localrank_transformers.exporting.export import export_onnx
from tests.support import causal_models, late_models, torch_models

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("ettin")
    export_onnx(torch_models.build_modular(place / "torch"), place / "onnx")
    return place / "onnx"


@pytest.fixture(scope="module")
def exported_late(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("colbert")
    export_onnx(late_models.build_pylate(place / "torch"), place / "onnx")
    return place / "onnx"


class TestExportedLateInteraction(RerankerConformance):
    @pytest.fixture(autouse=True)
    def remember(self, exported_late: Path) -> None:
        self.folder = exported_late

    def make(self) -> OnnxReranker:
        return OnnxReranker(self.folder)


class TestExportedModules(RerankerConformance):
    @pytest.fixture(autouse=True)
    def remember(self, exported: Path) -> None:
        self.folder = exported

    def make(self) -> OnnxReranker:
        return OnnxReranker(self.folder)


@pytest.fixture(scope="module")
def exported_causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("qwen3")
    export_onnx(causal_models.build_qwen3(place / "torch"), place / "onnx")
    return place / "onnx"


class TestExportedCausal(RerankerConformance):
    @pytest.fixture(autouse=True)
    def remember(self, exported_causal: Path) -> None:
        self.folder = exported_causal

    def make(self) -> OnnxReranker:
        return OnnxReranker(self.folder)
