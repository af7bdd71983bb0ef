"""Scores of cross-encoders on torch agree with sentence-transformers' CrossEncoder on the same weights."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")

import torch
from sentence_transformers import CrossEncoder

from localrank import InvalidRequestError, rerank
from localrank_transformers import TorchReranker
from localrank_transformers.engines.torch.settings import Attention
from tests.support import torch_models
from tests.support.torch_models import ENCODERS, texts

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

TOLERANCE = 1e-4
QUERY = "what is the capital of france"


def reference(folder: Path, query: str, documents: list[str]) -> torch.Tensor:
    model = CrossEncoder(str(folder), device="cpu", max_length=64)
    pairs = [(query, document) for document in documents]
    return model.predict(pairs, activation_fn=torch.nn.Identity(), convert_to_tensor=True).double()


async def logits(model: TorchReranker, query: str, documents: list[str]) -> list[float]:
    result = await rerank(model, query, documents)
    return [hit.metadata["logit"] for hit in sorted(result, key=lambda hit: hit.index)]


def model(folder: Path, attention: Attention) -> TorchReranker:
    return TorchReranker(folder, device="cpu", dtype="fp32", batch_tokens=200, attention=attention)


@pytest.mark.parametrize("attention", ["sdpa", "auto"])
@pytest.mark.parametrize("name", [name for name in ENCODERS if name != "bert-two-labels"])
async def test_one_label(tmp_path: Path, name: str, attention: Attention) -> None:
    folder = torch_models.build_encoder(tmp_path / name, name)
    documents = texts(24)
    expected = reference(folder, QUERY, documents)
    chosen: Attention = "auto" if name == "deberta-v2" else attention  # it has its own attention only

    found = await logits(model(folder, chosen), QUERY, documents)

    assert expected.std() > 0.05
    assert found == pytest.approx(expected.tolist(), abs=TOLERANCE)


async def test_the_score_is_the_sigmoid_of_the_logit(tmp_path: Path) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    documents = texts(12)
    expected = {
        place: torch.sigmoid(value).item() for place, value in enumerate(reference(folder, QUERY, documents))
    }

    result = await rerank(TorchReranker(folder, device="cpu", dtype="fp32"), QUERY, documents)

    assert {hit.index: hit.score for hit in result} == pytest.approx(expected, abs=TOLERANCE)
    assert [hit.index for hit in result] == sorted(expected, key=lambda index: -expected[index])


async def test_two_labels_score_the_softmax_of_the_positive_one(tmp_path: Path) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert-two-labels")
    documents = texts(12)
    expected = torch.softmax(reference(folder, QUERY, documents), dim=-1)[:, 1].tolist()

    result = await rerank(TorchReranker(folder, device="cpu", dtype="fp32"), QUERY, documents)

    assert {hit.index: hit.score for hit in result} == pytest.approx(dict(enumerate(expected)), abs=TOLERANCE)


@pytest.mark.parametrize("attention", ["sdpa", "auto"])
@pytest.mark.parametrize("pooling", ["cls", "mean"])
async def test_modules_of_the_ettin_rerankers(tmp_path: Path, pooling: str, attention: Attention) -> None:
    folder = torch_models.build_modular(tmp_path / "ettin", pooling=pooling)
    documents = texts(24)
    expected = reference(folder, QUERY, documents)

    found = await logits(model(folder, attention), QUERY, documents)

    assert expected.std() > 0.05
    assert found == pytest.approx(expected.tolist(), abs=TOLERANCE)


async def test_modules_of_the_ettin_rerankers_are_not_compiled(tmp_path: Path) -> None:
    folder = torch_models.build_modular(tmp_path / "ettin")
    with pytest.raises(InvalidRequestError, match=r"compile is True.*modules"):
        await rerank(TorchReranker(folder, device="cpu", compile=True), QUERY, texts(1))


async def test_one_document_alone_keeps_its_score(tmp_path: Path) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    [document] = texts(1, seed=4)
    expected = reference(folder, QUERY, [document])[0].item()

    [hit] = await rerank(TorchReranker(folder, device="cpu", dtype="fp32"), QUERY, [document])

    assert hit.metadata["logit"] == pytest.approx(expected, abs=TOLERANCE)
    assert hit.score == pytest.approx(1 / (1 + math.exp(-expected)), abs=TOLERANCE)


async def test_packed_attention_where_it_cannot_be_is_refused(tmp_path: Path) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "deberta-v2")
    with pytest.raises(InvalidRequestError, match="DebertaV2"):
        await rerank(TorchReranker(folder, device="cpu", dtype="fp32", attention="packed"), QUERY, ["paris"])
