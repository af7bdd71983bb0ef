"""What a job will take, before it is begun: rows, tokens, time and, of a remote model, money."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass

from localrank.batches.amounts import Amount
from localrank.batches.files.part import Part
from localrank.batches.job import BatchJob
from localrank.batches.rows import Asked, rank_rows
from localrank.contract.model import AnyReranker
from localrank.providers.registry import resolve
from localrank.providers.services import services_in

__all__ = ["PlannedJob", "plan"]

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
        MissingDependencyError: A package is absent that reads the input.
        RerankError: Whatever the model raised.
    """
    reranker = resolve(model)
    asked = Asked(reranker, job.top_k, job.instruction, job.max_parallel, job.max_retries)
    is_local = not services_in(reranker)
    amount = Amount()
    per_document: float | None = None
    with closing(job.opened()) as source:
        rows = source.survey(lambda _: None)
        for part in source.parts(0, _SAMPLE):
            if per_document is None and is_local:
                per_document = _seconds_a_document(part, asked)
            amount += part.amount()
    return PlannedJob(
        rows,
        amount.queries,
        amount.documents,
        amount.tokens,
        None if per_document is None else per_document * amount.documents,
        amount.dollars(reranker),
    )


def _seconds_a_document(part: Part, asked: Asked) -> float | None:
    """Return the time that one candidate takes, once the model is loaded."""
    rows = part.read({})
    found = rank_rows(asked, rows)
    if not found.documents:
        return None
    began = time.perf_counter()
    rank_rows(asked, rows)
    return (time.perf_counter() - began) / found.documents
