"""What a job will take, before it is begun: rows, tokens, time and, of a remote model, money."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from localrank.batches.files import Part, source_of
from localrank.batches.job import BatchJob
from localrank.batches.rows import Asked
from localrank.contract.model import AnyReranker, is_remote
from localrank.providers.prices import known_prices
from localrank.providers.registry import resolve

__all__ = ["PlannedJob", "plan"]

CHARACTERS_PER_TOKEN = 4
"""Of English text, about: an estimate to state a price with (https://help.openai.com/en/articles/4936856)."""

DOCUMENTS_PER_UNIT = 100
"""A search unit is a query with up to 100 documents (https://cohere.com/pricing)."""

_SAMPLE = 200
"""Candidates that are ranked to tell how long all of them take."""


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """What a job will take.

    Attributes:
        rows: Rows of the input.
        queries: Queries.
        documents: Candidates.
        tokens: Tokens of each candidate with its query, about.
        seconds: Time on this machine, measured on the first candidates; None for a remote model.
        dollars: The list price; None for a local model, or where the price is not known.
    """

    rows: int
    queries: int
    documents: int
    tokens: int
    seconds: float | None
    dollars: float | None


def plan(job: BatchJob, model: AnyReranker | str) -> PlannedJob:
    """Read the whole input, rank a sample of it with a local model, and return what the job will take.

    Raises:
        InvalidRequestError: As `run_batch`; the output is not looked at.
        RerankError: Whatever the model raised.
    """
    reranker = resolve(model)
    asked = Asked(reranker, job.top_k, job.instruction, job.max_parallel, job.max_retries)
    rows, queries, documents, characters = 0, 0, 0, 0
    per_document: float | None = None
    for part in source_of(job.input, job.columns).parts(0, _SAMPLE):
        if per_document is None and not is_remote(reranker):
            per_document = _seconds_a_document(part, asked)
        some_queries, some_documents, some_characters = part.documents()
        rows += part.rows
        queries += some_queries
        documents += some_documents
        characters += some_characters
    tokens = math.ceil(characters / CHARACTERS_PER_TOKEN)
    planned = PlannedJob(rows, queries, documents, tokens, None, None)
    if is_remote(reranker):
        return replace(planned, dollars=_dollars(reranker, planned))
    return replace(planned, seconds=None if per_document is None else per_document * documents)


def _seconds_a_document(part: Part, asked: Asked) -> float | None:
    """Return the time that one candidate takes, once the model is loaded."""
    _, found = part.rank(asked, lambda _: None)
    if not found.documents:
        return None
    began = time.perf_counter()
    part.rank(asked, lambda _: None)
    return (time.perf_counter() - began) / found.documents


def _dollars(model: AnyReranker, planned: PlannedJob) -> float | None:
    prices = {(price.provider, price.model_id): price for price in known_prices()}
    price = prices.get((model.provider, model.model_id))
    if price is None or not planned.queries:
        return None
    units = planned.queries * math.ceil(planned.documents / planned.queries / DOCUMENTS_PER_UNIT)
    return price.cost(search_units=units, tokens=planned.tokens)
