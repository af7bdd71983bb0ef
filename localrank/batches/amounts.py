"""How much there is to rank, and what remote models ask for it at their list prices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from localrank.contract.model import AnyReranker
from localrank.providers.services import CHARACTERS_PER_TOKEN, list_price, search_units, services_in

__all__ = ["Amount", "amount_of"]


@dataclass(frozen=True, slots=True)
class Amount:
    """How much there is to rank.

    Attributes:
        queries: Lists.
        documents: Candidates.
        tokens: Those of each candidate with its query, about.
        search_units: What services bill that bill by the list.
    """

    queries: int = 0
    documents: int = 0
    tokens: int = 0
    search_units: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.queries + other.queries,
            self.documents + other.documents,
            self.tokens + other.tokens,
            self.search_units + other.search_units,
        )

    def dollars(self, model: AnyReranker) -> float | None:
        """Return the list price, about, of all services that the model asks; None where one's is not known."""
        prices = [list_price(service) for service in services_in(model)]
        costs = [
            None if price is None else price.cost(search_units=self.search_units, tokens=self.tokens)
            for price in prices
        ]
        return sum(cost or 0.0 for cost in costs) if costs and None not in costs else None


def amount_of(lists: Iterable[tuple[Any, Sequence[Any]]]) -> Amount:
    """Return how much there is to rank in queries with their candidates; what is no text counts for nothing."""
    total = Amount()
    for query, candidates in lists:
        texts = [text for text in candidates if isinstance(text, str)]
        if isinstance(query, str) and texts:
            tokens = [math.ceil((len(query) + len(text)) / CHARACTERS_PER_TOKEN) for text in texts]
            total += Amount(1, len(texts), sum(tokens), search_units(tokens))
    return total
