"""Scores of JinaBERT and of GTE "new", whose own code cannot be run, agree with formulas written out for one row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("onnxscript", reason="needs the extra `golden`")

import transformers
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from localrank import ModelLoadError, rerank
from localrank_transformers import OnnxReranker, TorchReranker
from localrank_transformers.exporting.export import export_onnx
from tests.support import unreferenced_models
from tests.support.torch_models import texts
from tests.support.unreferenced_models import EPSILON, HEADS, LAYERS, WIDTH

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]
has_gte = pytest.mark.skipif(not hasattr(transformers, "GteConfig"), reason="transformers has no GTE encoder")

QUERY = "what is the capital of france"
TORCH_TOLERANCE, ONNX_TOLERANCE = 1e-4, 1e-3
Weights = Mapping[str, np.ndarray]
SIZE = WIDTH // HEADS


def rows(folder: Path, documents: list[str]) -> list[list[int]]:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return [tokenizer.encode(QUERY, document).ids for document in documents]


def linear(values: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    return values @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0.0)


def norm(values: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    centred = values - values.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
    return centred / deviation * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def gelu(values: np.ndarray) -> np.ndarray:
    return 0.5 * values * (1 + np.vectorize(math.erf)(values / math.sqrt(2)))


def head_output(query: np.ndarray, key: np.ndarray, value: np.ndarray, bias: np.ndarray) -> np.ndarray:
    scores = query @ key.T / math.sqrt(SIZE) + bias
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True) @ value


def pooled(hidden: np.ndarray, weights: Weights, model: str) -> float:
    return linear(np.tanh(linear(hidden[0], weights, f"{model}.pooler.dense")), weights, "classifier").item()


def jina_bert(weights: Weights, row: list[int]) -> float:
    """JinaBERT: ALiBi to both sides, a GELU-gated feed-forward layer, norms after the residuals; no positions (2310.19923)."""
    # Heads 1–4 have the slopes of four heads, heads 5 and 6 the first and third of eight.
    slopes = [1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8]
    distance = np.abs(np.subtract.outer(np.arange(len(row)), np.arange(len(row))))
    at = "bert.embeddings"
    segment = weights[f"{at}.token_type_embeddings.weight"][0]
    hidden = norm(weights[f"{at}.word_embeddings.weight"][row] + segment, weights, f"{at}.LayerNorm")
    for at in (f"bert.encoder.layer.{number}" for number in range(LAYERS)):
        query, key, value = (
            np.split(linear(hidden, weights, f"{at}.attention.self.{name}"), HEADS, axis=-1)
            for name in ("query", "key", "value")
        )
        heads = [head_output(query[n], key[n], value[n], -slope * distance) for n, slope in enumerate(slopes)]
        mixed = linear(np.concatenate(heads, -1), weights, f"{at}.attention.output.dense")
        hidden = norm(hidden + mixed, weights, f"{at}.attention.output.LayerNorm")
        gate, other = np.split(linear(hidden, weights, f"{at}.mlp.gated_layers"), 2, axis=-1)
        inner = linear(gelu(gate) * other, weights, f"{at}.mlp.wo")
        hidden = norm(hidden + inner, weights, f"{at}.mlp.layernorm")
    return pooled(hidden, weights, "bert")


def turned(values: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Turn each pair (i, i + half) of position p as a complex number, by p times its frequency."""
    half = SIZE // 2
    numbers = values[:, :half] + 1j * values[:, half:]
    numbers = numbers * np.exp(1j * np.outer(np.arange(len(values)), frequencies))
    return np.concatenate([numbers.real, numbers.imag], -1)


def gte_new(weights: Weights, row: list[int]) -> float:
    """GTE's encoder: rotary positions with NTK scaling by 8, a GELU-gated feed-forward layer whose gate is the second half."""
    exponents = np.arange(0, SIZE, 2) / SIZE
    frequencies = (20000.0 * 8.0) ** -exponents / 8.0 ** (2 / SIZE)
    at = "new.embeddings"
    segment = weights[f"{at}.token_type_embeddings.weight"][0]
    hidden = norm(weights[f"{at}.word_embeddings.weight"][row] + segment, weights, f"{at}.LayerNorm")
    for at in (f"new.encoder.layer.{number}" for number in range(LAYERS)):
        packed = linear(hidden, weights, f"{at}.attention.qkv_proj")
        query, key, value = (np.split(part, HEADS, axis=-1) for part in np.split(packed, 3, axis=-1))
        heads = [
            head_output(turned(query[n], frequencies), turned(key[n], frequencies), value[n], np.zeros(()))
            for n in range(HEADS)
        ]
        mixed = linear(np.concatenate(heads, -1), weights, f"{at}.attention.o_proj")
        hidden = norm(hidden + mixed, weights, f"{at}.attn_ln")
        up, gate = np.split(linear(hidden, weights, f"{at}.mlp.up_gate_proj"), 2, axis=-1)
        inner = linear(gelu(gate) * up, weights, f"{at}.mlp.down_proj")
        hidden = norm(hidden + inner, weights, f"{at}.mlp_ln")
    return pooled(hidden, weights, "new")


async def logits(model: Any, documents: list[str]) -> list[float]:
    result = await rerank(model, QUERY, documents)
    return [hit.metadata["logit"] for hit in sorted(result, key=lambda hit: hit.index)]


async def test_jina_bert_through_its_graph(tmp_path: Path) -> None:
    weights = {
        name: value.double().numpy() for name, value in unreferenced_models.build_jina(tmp_path).items()
    }
    documents = texts(16)
    expected = [jina_bert(weights, row) for row in rows(tmp_path, documents)]

    found = await logits(OnnxReranker(tmp_path), documents)

    assert np.std(expected) > 0.05
    assert found == pytest.approx(expected, abs=ONNX_TOLERANCE)


@has_gte
@pytest.mark.parametrize("batch_tokens", [1, 400])
async def test_gte_multilingual_on_torch_without_the_code_of_its_repository(
    tmp_path: Path, batch_tokens: int
) -> None:
    folder = unreferenced_models.build_gte(tmp_path / "gte")
    expected = gte_scores(folder, documents := texts(16))

    found = await logits(
        TorchReranker(folder, device="cpu", dtype="fp32", batch_tokens=batch_tokens), documents
    )

    assert np.std(expected) > 0.05
    assert found == pytest.approx(expected, abs=TORCH_TOLERANCE)


@has_gte
async def test_gte_multilingual_exported_to_onnx(tmp_path: Path) -> None:
    folder = unreferenced_models.build_gte(tmp_path / "gte")
    expected = gte_scores(folder, documents := texts(16))
    export_onnx(folder, tmp_path / "out")

    found = await logits(OnnxReranker(tmp_path / "out"), documents)

    assert found == pytest.approx(expected, abs=ONNX_TOLERANCE)


def gte_scores(folder: Path, documents: list[str]) -> list[float]:
    weights = {
        name: value.astype(np.float64) for name, value in load_file(folder / "model.safetensors").items()
    }
    return [gte_new(weights, row) for row in rows(folder, documents)]


@has_gte
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "dynamic"),
        ({"rope_scaling": {"type": "ntk", "factor": 2.0, "mixed_b": 0.7}}, "mixed_b"),
        ({"position_embedding_type": "absolute"}, "absolute positions"),
        ({"logn_attention_scale": True}, "logn_attention_scale"),
    ],
)
async def test_a_gte_encoder_that_would_compute_something_else_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    folder = unreferenced_models.build_gte(tmp_path / "gte", **change)
    with pytest.raises(ModelLoadError, match=message):
        await rerank(TorchReranker(folder, device="cpu", dtype="fp32"), QUERY, ["paris"])
