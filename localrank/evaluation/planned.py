"""What an evaluation will ask of remote models: requests, texts, and their list price."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from localrank.contract.model import AnyReranker
from localrank.evaluation.collection import Collection
from localrank.evaluation.first_stage import FirstStage
from localrank.evaluation.journal import Journal, key_of
from localrank.providers.prices import Price
from localrank.providers.services import CHARACTERS_PER_TOKEN, list_price, search_units, services_in

__all__ = ["PlannedCalls", "planned_calls"]


@dataclass(frozen=True, slots=True)
class PlannedCalls:
    """What one remote model will be asked at most.

    Attributes:
        name: The model's name in reports.
        model: `provider:model-id` of the remote model; inside a wrapper it is not the one named.
        queries: Queries that are not in the journal.
        requests: Requests that they take, without repetitions.
        pairs: Pairs of query and document that are sent.
        tokens: About so many.
        dollars: Their list price; None where it is not known.
        price: Where the price is from; None where it is not known.
    """

    name: str
    model: str
    queries: int
    requests: int
    pairs: int
    tokens: int
    dollars: float | None
    price: Price | None


def planned_calls(
    models: Mapping[str, AnyReranker],
    collection: Collection,
    stage: FirstStage,
    *,
    journal: Journal | None = None,
    instruction: str | None = None,
) -> list[PlannedCalls]:
    """Return the calls of each remote model, those inside wrappers too, of which a wrapper may spare some."""
    planned = []
    for name, model in models.items():
        services = services_in(model)
        if not services:
            continue
        left = _left(model, collection, stage, journal or Journal(), instruction)
        planned += [_calls(name, service, left, list_price(service)) for service in services]
    return [calls for calls in planned if calls.queries]


def _left(
    model: AnyReranker,
    collection: Collection,
    stage: FirstStage,
    journal: Journal,
    instruction: str | None,
) -> list[list[int]]:
    """Return, for each query that is not in the journal, about the tokens of its pairs, a number a candidate."""
    left = []
    for query, text in collection.queries.items():
        documents = [(document, collection.documents[document]) for document, _ in stage.run[query]]
        if documents and journal.get(key_of(model, text, documents, instruction)) is None:
            lengths = [len(text) + len(document) for _, document in documents]
            left.append([math.ceil(length / CHARACTERS_PER_TOKEN) for length in lengths])
    return left


def _calls(name: str, model: AnyReranker, left: list[list[int]], price: Price | None) -> PlannedCalls:
    limit: int | None = getattr(model, "max_documents_per_call", None)
    tokens = sum(map(sum, left))
    units = sum(map(search_units, left))
    return PlannedCalls(
        name=name,
        model=f"{model.provider}:{model.model_id}",
        queries=len(left),
        requests=sum(1 if limit is None else math.ceil(len(pairs) / limit) for pairs in left),
        pairs=sum(map(len, left)),
        tokens=tokens,
        dollars=None if price is None else price.cost(search_units=units, tokens=tokens),
        price=price,
    )
