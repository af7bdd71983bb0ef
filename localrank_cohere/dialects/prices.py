"""What remote reranking costs: list prices as data, each with the day it was read and where."""

from __future__ import annotations

from dataclasses import replace

from localrank.contract.types import RerankUsage
from localrank.providers.prices import Price

__all__ = ["PRICES", "prices", "with_cost"]

_READ = "2026-11-20"
_LITELLM = "LiteLLM's price table (github.com/BerriAI/litellm)"
_THIRD = "third-party price pages; not confirmed by the vendor"

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
