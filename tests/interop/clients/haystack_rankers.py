"""Haystack's rankers that ask a server."""

from __future__ import annotations

from typing import Any

from asking import Ask, answer_all
from haystack import Document
from haystack.utils import Secret
from haystack_integrations.components.rankers.cohere import CohereRanker
from haystack_integrations.components.rankers.huggingface_api import HuggingFaceTEIRanker
from haystack_integrations.components.rankers.jina import JinaRanker


def documents(ask: Ask) -> list[Document]:
    return [Document(content=text) for text in ask.documents]


def pairs(ask: Ask, found: dict[str, Any]) -> list[tuple[int, float]]:
    return [(ask.place(one.content), one.score) for one in found["documents"]]


def cohere_ranker(ask: Ask) -> CohereRanker:
    return CohereRanker(
        model=ask.model, api_key=Secret.from_token(ask.key), api_base_url=ask.url, top_k=ask.count
    )


def cohere(ask: Ask) -> list[tuple[int, float]]:
    return pairs(ask, cohere_ranker(ask).run(ask.query, documents(ask)))


async def cohere_async(ask: Ask) -> list[tuple[int, float]]:
    return pairs(ask, await cohere_ranker(ask).run_async(ask.query, documents(ask)))


def jina(ask: Ask) -> list[tuple[int, float]]:
    ranker = JinaRanker(model=ask.model, api_key=Secret.from_token(ask.key), base_url=f"{ask.url}/v1/rerank")
    return pairs(ask, ranker.run(ask.query, documents(ask)))


def tei(ask: Ask) -> list[tuple[int, float]]:
    ranker = HuggingFaceTEIRanker(url=ask.url, token=Secret.from_token(ask.key), top_k=ask.count)
    return pairs(ask, ranker.run(ask.query, documents(ask)))


answer_all(
    {
        "haystack cohere": cohere,
        "haystack cohere async": cohere_async,
        "haystack jina": jina,
        "haystack tei": tei,
    }
)
