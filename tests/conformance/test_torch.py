"""`TorchReranker` keeps the rules of a good reranker, with a model of each family."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")

from localrank.testing.suite import RerankerConformance
from localrank_transformers import TorchReranker
from tests.support import causal_models, torch_models


class TestCrossEncoder(RerankerConformance):
    @pytest.fixture(autouse=True)
    def build(self, tmp_path: Path) -> None:
        self.folder = torch_models.build_encoder(tmp_path / "m", "bert")

    def make(self) -> TorchReranker:
        return TorchReranker(self.folder, device="cpu")


class TestModular(RerankerConformance):
    @pytest.fixture(autouse=True)
    def build(self, tmp_path: Path) -> None:
        self.folder = torch_models.build_modular(tmp_path / "m")

    def make(self) -> TorchReranker:
        return TorchReranker(self.folder, device="cpu")


class TestCausal(RerankerConformance):
    @pytest.fixture(autouse=True)
    def build(self, tmp_path: Path) -> None:
        self.folder = causal_models.build_qwen3(tmp_path / "m")

    def make(self) -> TorchReranker:
        return TorchReranker(self.folder, device="cpu")
