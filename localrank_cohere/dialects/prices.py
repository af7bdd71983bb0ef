"""What remote reranking costs: list prices as data, each with the day it was read and where."""

from __future__ import annotations

from dataclasses import replace

from localrank.contract.types import RerankUsage
from localrank.providers.prices import Price

__all__ = ["PRICES", "prices", "with_cost"]

_READ = "2026-11-20"
_LITELLM = "LiteLLM's price table (github.com/BerriAI/litellm)"
_THIRD = "third-party price pages; not confirmed by the vendor"
_LATER = "2026-11-28"
_ALIBABA = "alibabacloud.com/help/en/model-studio/text-rerank-api"
_ZUPLO = "zuplo.com/docs/ai-gateway/jev, which names TypeSafe's price"
_ISAACUS = "a copy of Isaacus's price page; not confirmed by the vendor"

PRICES: tuple[Price, ...] = (
    Price("cohere", "rerank-v5.0-pro", 0.05, "million tokens", _READ, _THIRD),
    Price("cohere", "rerank-v5.0-fast", 0.02, "million tokens", _READ, _THIRD),
    Price("cohere", "rerank-v4.0-pro", 2.50, "thousand search units", _READ, _LITELLM),
    Price("cohere", "rerank-v4.0-fast", 2.00, "thousand search units", _READ, _LITELLM),
    Price("cohere", "rerank-v3.5", 2.00, "thousand search units", _READ, _LITELLM),
    Price("cohere", "rerank-english-v3.0", 2.00, "thousand search units", _READ, _LITELLM),
    Price("cohere", "rerank-multilingual-v3.0", 2.00, "thousand search units", _READ, _LITELLM),
    Price("jina", "jina-reranker-v2-base-multilingual", 0.05, "million tokens", _READ, _THIRD),
    Price("voyage", "rerank-2.5", 0.05, "million tokens", _READ, _THIRD),
    Price("voyage", "rerank-2.5-lite", 0.02, "million tokens", _READ, _THIRD),
    Price("voyage", "rerank-2", 0.05, "million tokens", _READ, _THIRD),
    Price("voyage", "rerank-2-lite", 0.02, "million tokens", _READ, _THIRD),
    Price("voyage", "rerank-3", 0.05, "million tokens", _LATER, _LITELLM),
    Price("voyage", "rerank-3-lite", 0.02, "million tokens", _LATER, _LITELLM),
    Price("jina", "jina-reranker-v3.5", 0.05, "million tokens", _LATER, _LITELLM),
    Price("jina", "jina-reranker-m0", 0.05, "million tokens", _LATER, _LITELLM),
    Price("zeroentropy", "zerank-2", 0.025, "million tokens", _LATER, "docs.zeroentropy.dev/models"),
    Price("zeroentropy", "zerank-1", 0.025, "million tokens", _LATER, "docs.zeroentropy.dev/models"),
    Price("zeroentropy", "zerank-1-small", 0.025, "million tokens", _LATER, "docs.zeroentropy.dev/models"),
    Price("isaacus", "kanon-2-reranker", 0.35, "million tokens", _LATER, _ISAACUS),
    Price("fireworks", "fireworks/qwen3-reranker-8b", 0.20, "million tokens", _LATER, _LITELLM),
    Price("together", "Salesforce/Llama-Rank-V1", 0.10, "million tokens", _LATER, _LITELLM),
    Price("novita", "qwen/qwen3-reranker-8b", 0.05, "million tokens", _LATER, _LITELLM),
    Price("novita", "baai/bge-reranker-v2-m3", 0.01, "million tokens", _LATER, _LITELLM),
    Price("deepinfra", "Qwen/Qwen3-Reranker-0.6B", 0.01, "million tokens", _LATER, "deepinfra.com"),
    Price("deepinfra", "Qwen/Qwen3-Reranker-8B", 0.05, "million tokens", _LATER, "deepinfra.com"),
    Price("bedrock", "amazon.rerank-v1:0", 1.00, "thousand search units", _LATER, _LITELLM),
    Price("bedrock", "cohere.rerank-v3-5:0", 2.00, "thousand search units", _LATER, _LITELLM),
    Price("alibaba", "qwen3-rerank", 0.10, "million tokens", _LATER, _ALIBABA),
    Price("alibaba", "gte-rerank-v2", 0.115, "million tokens", _LATER, _ALIBABA),
    Price("typesafe", "jev-latest", 0.042, "million tokens", _LATER, _ZUPLO),
    Price("typesafe", "jev-1.13.0", 0.042, "million tokens", _LATER, _ZUPLO),
    Price("openrouter", "typesafe/jev-1.13", 0.042, "million tokens", _LATER, _THIRD),
    Price("digitalocean", "typesafe-jev-1.13.0", 0.042, "million tokens", _LATER, _THIRD),
    Price("vercel", "typesafe-ai/jev", 0.042, "million tokens", _LATER, _THIRD),
    Price("openai", "gpt-6-luna", 0.10, "million tokens", _LATER, _THIRD),
)
"""List prices in US dollars, without taxes and discounts."""

_BY_MODEL = {(price.provider, price.model_id): price for price in PRICES}


def prices() -> tuple[Price, ...]:
    """Return the table; the entry point that `localrank models --remote` reads."""
    return PRICES


def with_cost(usage: RerankUsage, provider: str, model_id: str) -> RerankUsage:
    """Return `usage` with `estimated_cost`: what the service said, else by the model's price and the units counted."""
    price = _BY_MODEL.get((provider, model_id))
    if price is None or usage.estimated_cost is not None:
        return usage
    cost = price.cost(search_units=usage.search_units, tokens=usage.input_tokens)
    return usage if cost is None else replace(usage, estimated_cost=cost)
