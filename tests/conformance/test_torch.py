"""`TorchReranker` keeps the rules of a good reranker."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("transformers", reason="needs the extra `golden`")

from localrank.testing.suite import RerankerConformance
from localrank_transformers import TorchReranker
from tests.support import torch_models


class TestTorchCrossEncoder(RerankerConformance):
    @pytest.fixture(autouse=True)
    def build(self, tmp_path: Path) -> None:
        self.folder = torch_models.build_encoder(tmp_path / "m", "bert")

    def make(self) -> TorchReranker:
        return TorchReranker(self.folder, device="cpu")
