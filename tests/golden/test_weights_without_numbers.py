"""NaN in weights is an InferenceError of every family, never a score and never an order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")

import torch
from safetensors.torch import load_file, save_file

from localrank import InferenceError, rerank_sync
from localrank_transformers import Listwise, OnnxReranker, TorchReranker
from tests.support import causal_models, chat_models, late_models, packed_encoders, t5_models, torch_models

DOCUMENTS = ["a city in france", "rag retrieval w5", "pasta and port learning"]


def bert(folder: Path) -> Path:
    return torch_models.build_encoder(folder, "bert")


FAMILIES: list[tuple[Callable[[Path], Any], dict[str, Any]]] = [
    (bert, {}),
    (bert, {"attention": "sdpa"}),
    (torch_models.build_modular, {}),
    (late_models.build_pylate, {}),
    (causal_models.build_qwen3, {}),
    (causal_models.build_layerwise, {}),
    (t5_models.build_t5, {"family": "seq2seq", "template": "monot5"}),
    (t5_models.build_t5_encoder, {}),
    (t5_models.build_t5, {"family": "listwise", "template": "listt5"}),
    (chat_models.build_chat, {"family": "listwise"}),
    (
        chat_models.build_chat,
        {"family": "listwise", "listwise": Listwise(answer="first-token", window=3, stride=2)},
    ),
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("build", "settings"), FAMILIES, ids=lambda one: getattr(one, "__name__", str(one)))
def test_torch_refuses_what_is_no_number(
    tmp_path: Path, build: Callable[[Path], Any], settings: dict[str, Any]
) -> None:
    folder = tmp_path / "m"
    build(folder)
    for path in folder.rglob("*.safetensors"):
        weights = load_file(path)
        norms = [name for name, value in weights.items() if value.ndim == 1] or list(weights)
        for name in norms:
            weights[name] = torch.full_like(weights[name], torch.nan)
        save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(InferenceError, match="not finite"):
        rerank_sync(TorchReranker(folder, device="cpu", **settings), "what is rag", DOCUMENTS, max_retries=0)


@pytest.mark.parametrize("kind", ["bert", "late"])
@pytest.mark.parametrize("int8", [True, False])
def test_onnx_runtime_refuses_what_is_no_number(tmp_path: Path, kind: str, int8: bool) -> None:
    import numpy as np
    import onnx

    graph = packed_encoders.build(tmp_path / "m", kind, int8=int8)
    model = onnx.load(str(graph))
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and list(tensor.dims) == [64]:
            tensor.raw_data = np.full(64, np.nan, np.float32).tobytes()
    graph.write_bytes(model.SerializeToString())
    reranker = OnnxReranker(
        tmp_path / "m",
        precision="int8" if int8 else "fp32",
        optimize=False,
        execution_providers=["CPUExecutionProvider"],
    )
    with pytest.raises(InferenceError, match="not finite"):
        rerank_sync(reranker, "what is rag", DOCUMENTS, max_retries=0)
