"""Cohere's own client, by both versions of its API, sync and async."""

from __future__ import annotations

from typing import Any

import cohere
from asking import Ask, answer_all


def pairs(answer: Any) -> list[tuple[int, float]]:
    return [(one.index, one.relevance_score) for one in answer.results]


def v2(ask: Ask) -> list[tuple[int, float]]:
    client = cohere.ClientV2(api_key=ask.key, base_url=ask.url)
    return pairs(client.rerank(model=ask.model, query=ask.query, documents=ask.documents))


def v1(ask: Ask) -> list[tuple[int, float]]:
    client = cohere.Client(api_key=ask.key, base_url=ask.url)
    documents = [{"title": "untitled", "text": text} for text in ask.documents]
    answer = client.rerank(
        model=ask.model, query=ask.query, documents=documents, rank_fields=["text"], return_documents=True
    )
    assert [one.document.text for one in answer.results] == [
        ask.documents[one.index] for one in answer.results
    ]
    return pairs(answer)


async def v2_async(ask: Ask) -> list[tuple[int, float]]:
    client = cohere.AsyncClientV2(api_key=ask.key, base_url=ask.url)
    return pairs(await client.rerank(model=ask.model, query=ask.query, documents=ask.documents))


answer_all({"cohere v2": v2, "cohere v1": v1, "cohere v2 async": v2_async})
