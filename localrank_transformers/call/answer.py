"""Logits into scores, and what a pass came to into a result with its warnings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest
from typing import TYPE_CHECKING

from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, RerankWarning
from localrank.providers import remarks
from localrank.providers.calls import sort_and_cut
from localrank.providers.unscored import RestUnscored, unscored_warning

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Activation, Family, Query
    from localrank_transformers.call.passes import Tally

__all__ = ["answer", "score", "scored"]


def score(logit: float, activation: Activation) -> float:
    """Return the score of one logit, in float64, where a sigmoid does not saturate into ties."""
    if activation == "none":
        return logit
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    exponential = math.exp(logit)
    return exponential / (1.0 + exponential)


def scored(
    tally: Tally, activation: Activation, *, precision: str | None = None, top_k: int | None = None
) -> list[ScoredIndex]:
    """Return an entry for each document that has a logit, or for the `top_k` best, with the `precision` if one is given."""
    mark = {"precision": precision} if precision else {}
    scores: Iterable[tuple[int, float]] = (
        (index, score(logit, activation)) for index, logit in tally.logits.items()
    )
    if top_k is not None and top_k < len(tally.logits):
        scores = nsmallest(top_k, scores, key=lambda one: (-one[1], one[0]))
    return [
        ScoredIndex(
            index,
            value,
            truncated=index in tally.truncated,
            metadata={"logit": tally.logits[index], **mark},
        )
        for index, value in scores
    ]


def answer(
    family: Family,
    options: DoRerankOptions,
    tally: Tally,
    results: Sequence[ScoredIndex],
    *,
    query: Query,
    provider: str,
) -> DoRerankResult:
    """Return the ranking of what was scored; the documents for which there was no time stand last, in the caller's order."""
    count = len(options.documents)
    left = count - len(tally.logits)
    ranked: Sequence[ScoredIndex] = sort_and_cut(results, options.top_k)
    return DoRerankResult(
        results=RestUnscored(ranked, count, options.top_k, count - left) if left else ranked,
        usage=RerankUsage(
            input_tokens=tally.tokens, truncated_documents=len(tally.truncated), cache_hits=tally.known
        ),
        warnings=list(_warnings(family, options, tally, left, query=query, provider=provider)),
    )


def _warnings(
    family: Family, options: DoRerankOptions, tally: Tally, left: int, *, query: Query, provider: str
) -> Iterator[RerankWarning]:
    count = len(options.documents)
    if query.truncated:
        yield remarks.query_truncated(family.query_limit)
    if tally.truncated:
        yield remarks.documents_truncated(len(tally.truncated), count)
    if options.instruction is not None and not family.reads_instruction:
        yield from remarks.unread_instruction(options, provider)
    yield from tally.warnings
    if left:
        yield unscored_warning(count - left, count)
