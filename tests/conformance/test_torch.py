"""`TorchReranker` keeps the rules of a good reranker, with a model of each family."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")

from localrank.testing.suite import RerankerConformance
from localrank_transformers import Listwise, TorchReranker
from tests.support import causal_models, chat_models, late_models, t5_models, torch_models


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


class TestSeq2Seq(RerankerConformance):
    @pytest.fixture(autouse=True)
    def build(self, tmp_path: Path) -> None:
        self.folder = t5_models.build_t5(tmp_path / "m")

    def make(self) -> TorchReranker:
        return TorchReranker(self.folder, device="cpu", family="seq2seq", template="monot5")


class TestListT5(RerankerConformance):
    @pytest.fixture(autouse=True)
    def build(self, tmp_path: Path) -> None:
        self.folder = t5_models.build_t5(tmp_path / "m")

    def make(self) -> TorchReranker:
        return TorchReranker(self.folder, device="cpu", family="listwise")


class TestGenerative(RerankerConformance):
    @pytest.fixture(autouse=True)
    def build(self, tmp_path: Path) -> None:
        self.folder = chat_models.build_chat(tmp_path / "m")

    def make(self) -> TorchReranker:
        return TorchReranker(
            self.folder, device="cpu", family="listwise", listwise=Listwise(window=4, stride=2)
        )


class TestLateInteraction(RerankerConformance):
    @pytest.fixture(autouse=True)
    def build(self, tmp_path: Path) -> None:
        self.folder = late_models.build_stanford(tmp_path / "m")

    def make(self) -> TorchReranker:
        return TorchReranker(self.folder, device="cpu")
