"""Remote models by name."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

import localrank_cohere
from localrank import InvalidRequestError, rerank_sync, resolve
from localrank.providers.registry import make_model
from localrank_cohere import strings, vendors
from localrank_cohere.dialects.table import DIALECTS
from tests.support.rerank_server import RerankServer


@pytest.mark.parametrize(
    ("name", "provider", "model", "url"),
    [
        ("cohere:rerank-v3.5", "cohere", "rerank-v3.5", "https://api.cohere.com/v2/rerank"),
        ("cohere-v1:rerank-v3.5", "cohere", "rerank-v3.5", "https://api.cohere.com/v1/rerank"),
        ("jina:jina-reranker-v3", "jina", "jina-reranker-v3", "https://api.jina.ai/v1/rerank"),
        ("jina:BAAI/bge@http://127.0.0.1:7997", "jina", "BAAI/bge", "http://127.0.0.1:7997/v1/rerank"),
        ("voyage:rerank-2.5", "voyage", "rerank-2.5", "https://api.voyageai.com/v1/rerank"),
        ("mixedbread:m", "mixedbread", "m", "https://api.mixedbread.com/v1/reranking"),
        ("pinecone:m", "pinecone", "m", "https://api.pinecone.io/rerank"),
        ("tei:http://127.0.0.1:8080", "tei", "tei", "http://127.0.0.1:8080/rerank"),
        ("vllm:BAAI/bge", "vllm", "BAAI/bge", "http://127.0.0.1:8000/v1/rerank"),
        ("vllm:https://gpu.example/v1", "vllm", "vllm", "https://gpu.example/v1/rerank"),
        (
            "openrouter:cohere/rerank-4-pro",
            "openrouter",
            "cohere/rerank-4-pro",
            "https://openrouter.ai/api/v1/rerank",
        ),
        ("typesafe:jev-latest", "typesafe", "jev-latest", "https://api.typesafe.ai/v1/systemone"),
        ("typesafe:laya@http://127.0.0.1:9000", "typesafe", "laya", "http://127.0.0.1:9000/v1/systemone"),
        ("decisions:openai:gpt-6-luna", "openai", "gpt-6-luna", "https://api.openai.com/v1/decisions"),
        (
            "decisions:openrouter:typesafe/jev-1.13",
            "openrouter",
            "typesafe/jev-1.13",
            "https://openrouter.ai/api/v1/systemone",
        ),
        ("llamacpp:http://127.0.0.1:9", "llamacpp", "llamacpp", "http://127.0.0.1:9/v1/rerank"),
        (
            "deepinfra:Qwen/Qwen3-Reranker-8B",
            "deepinfra",
            "Qwen/Qwen3-Reranker-8B",
            "https://api.deepinfra.com/v1/inference/Qwen/Qwen3-Reranker-8B",
        ),
        (
            "nvidia:nvidia/llama-3.2-nv-rerankqa-1b-v2",
            "nvidia",
            "nvidia/llama-3.2-nv-rerankqa-1b-v2",
            "https://ai.api.nvidia.com/v1/retrieval/nvidia/llama-3_2-nv-rerankqa-1b-v2/reranking",
        ),
    ],
)
def test_a_name_is_a_reranker(name: str, provider: str, model: str, url: str) -> None:
    reranker = resolve(name)

    assert (reranker.provider, reranker.model_id) == (provider, model)
    assert f"url='{url}'" in repr(reranker)


def test_a_decision_model_is_named_with_its_service() -> None:
    with pytest.raises(InvalidRequestError, match="decisions:SERVICE:MODEL"):
        resolve("decisions:gpt-6-luna")


def test_the_form_of_a_decision_model_is_a_setting() -> None:
    made = make_model("typesafe:jev-latest", {"form": "rubric", "both_orders": True})

    assert "form='rubric'" in repr(made)


def test_every_dialect_has_a_name() -> None:
    names = {entry.name for entry in entry_points(group="localrank.providers")}

    assert {dialect.name for dialect in DIALECTS} <= names


def test_what_is_no_dialect_is_no_factory() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'cohre'"):
        _ = strings.cohre


def test_a_name_is_enough_for_a_call(server: RerankServer) -> None:
    assert rerank_sync(f"cohere:m@{server.url}", "b", ["a", "b"])[0].index == 1


def test_a_tei_name_without_an_address_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="base_url="):
        strings.tei("bge")


@pytest.mark.parametrize("model", vendors.__all__)
def test_a_class_speaks_the_dialect_of_its_name(model: str) -> None:
    spoken = model.removesuffix("Reranker").lower()
    made = getattr(vendors, model)("http://127.0.0.1:9" if spoken == "tei" else "a-model")

    assert f"dialect={spoken!r}" in repr(made)
    assert getattr(localrank_cohere, model) is getattr(vendors, model)
