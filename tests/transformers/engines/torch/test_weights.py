"""Weights that are no numbers are refused before a score is made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `torch`")

from safetensors.torch import load_file, save_file

from localrank import InferenceError, rerank_sync
from localrank_transformers import TorchReranker
from tests.support import torch_models


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_weight_of_which_tanh_makes_a_finite_score_is_named(tmp_path: Path, value: float) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    weights = load_file(folder / "model.safetensors")
    weights["bert.pooler.dense.bias"][3] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(InferenceError, match=r"'bert\.pooler\.dense\.bias' is not finite"):
        rerank_sync(TorchReranker(folder, device="cpu"), "what", ["the", "rag"])
