"""LiteLLM as a library, by each of its providers that can be pointed at an address."""

from __future__ import annotations

from functools import partial
from typing import Any

import litellm
from asking import Ask, answer_all


def pairs(answer: Any) -> list[tuple[int, float]]:
    return [(one["index"], one["relevance_score"]) for one in answer.results]


def rerank(ask: Ask, *, provider: str, below: str = "") -> list[tuple[int, float]]:
    return pairs(
        litellm.rerank(
            model=f"{provider}/{ask.model}",
            query=ask.query,
            documents=ask.documents,
            api_base=ask.url + below,
            api_key=ask.key,
        )
    )


async def hosted_vllm_async(ask: Ask) -> list[tuple[int, float]]:
    return pairs(
        await litellm.arerank(
            model=f"hosted_vllm/{ask.model}",
            query=ask.query,
            documents=ask.documents,
            api_base=ask.url,
            api_key=ask.key,
        )
    )


answer_all(
    {
        "litellm cohere": partial(rerank, provider="cohere"),
        "litellm jina_ai": partial(rerank, provider="jina_ai"),
        "litellm hosted_vllm": partial(rerank, provider="hosted_vllm"),
        "litellm hosted_vllm async": hosted_vllm_async,
        "litellm infinity": partial(rerank, provider="infinity", below="/infinity"),
        "litellm huggingface": partial(rerank, provider="huggingface"),
        "litellm voyage": partial(rerank, provider="voyage", below="/voyage"),
        "litellm together_ai": partial(rerank, provider="together_ai"),
    }
)
