"""TorchReranker on a model of a loopback hub: what it fetches, when, and that it scores as the same files in a folder do."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from localrank import rerank
from localrank.contract.errors import ModelLoadError
from localrank_transformers.rerankers.torch import TorchReranker
from tests.support.loopback_hub import LoopbackHub
from tests.support.torch_models import build_encoder

pytestmark = pytest.mark.anyio

REPO = "some-one/some-reranker"
DOCUMENTS = ["the", "rag", "paris"]


@pytest.fixture
def published(hub: LoopbackHub, tmp_path: Path) -> Path:
    folder = build_encoder(tmp_path / "published", "bert")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    hub.add(REPO, folder)
    return folder


async def test_it_scores_as_the_same_files_in_a_folder_do(hub: LoopbackHub, published: Path) -> None:
    model = TorchReranker(REPO, device="cpu")
    assert (model.score_kind, hub.connections) == ("probability", 0)
    result = await rerank(model, "what is rag", DOCUMENTS)
    expected = await rerank(TorchReranker(published, device="cpu"), "what is rag", DOCUMENTS)
    assert [(hit.index, hit.score) for hit in result] == [(hit.index, hit.score) for hit in expected]
    assert hub.asked("storage") == ["model.safetensors"]


async def test_a_second_load_connects_no_more(hub: LoopbackHub, published: Path) -> None:
    await TorchReranker(REPO, device="cpu").warm_up()
    before = hub.connections
    await TorchReranker(REPO, device="cpu", offline=True).warm_up()
    assert TorchReranker(REPO, device="cpu").token_spans("what is") == [(0, 4), (5, 7)]
    assert hub.connections == before


async def test_offline_says_what_to_do(hub: LoopbackHub) -> None:
    with pytest.raises(ModelLoadError, match=r"localrank models pull some-one/some-reranker"):
        await TorchReranker(REPO, device="cpu", offline=True).warm_up()
    assert hub.connections == 0
