"""Which remote services a model asks, in wrappers too, and what they will bill, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from localrank.contract.model import AnyReranker, is_remote
from localrank.providers.prices import Price, known_prices

__all__ = ["CHARACTERS_PER_TOKEN", "list_price", "search_units", "services_in"]

CHARACTERS_PER_TOKEN = 4
"""Of English text, about: an estimate to state a price with (https://help.openai.com/en/articles/4936856)."""

_DOCUMENTS_PER_UNIT, _TOKENS_PER_DOCUMENT = 100, 500
"""A search unit is a query with up to 100 documents, and a document counts again every 500 tokens, the query's among them
(https://cohere.com/pricing)."""


def services_in(model: AnyReranker) -> list[AnyReranker]:
    """Return the remote models among a model and those that it wraps."""
    return [leaf for leaf in _leaves(model) if is_remote(leaf)]


def search_units(tokens: Sequence[int]) -> int:
    """Return the search units of one query, from the tokens of each candidate with the query."""
    documents = sum(max(1, math.ceil(count / _TOKENS_PER_DOCUMENT)) for count in tokens)
    return math.ceil(documents / _DOCUMENTS_PER_UNIT)


def list_price(model: AnyReranker) -> Price | None:
    """Return the list price of one remote model; None where it is not known."""
    prices = {(price.provider, price.model_id): price for price in known_prices()}
    return prices.get((model.provider, model.model_id))


def _leaves(model: AnyReranker) -> Iterator[AnyReranker]:
    """Yield the models inside wrappers, or the model itself."""
    inner = getattr(model, "models", None) or [
        wrapped for wrapped in [getattr(model, "model", None)] if wrapped
    ]
    rerankers = [
        reranker for reranker in inner if hasattr(reranker, "provider") and hasattr(reranker, "model_id")
    ]
    if not rerankers:
        yield model
    for reranker in rerankers:
        yield from _leaves(reranker)
