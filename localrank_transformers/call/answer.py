"""Logits into scores, and what a pass came to into a result with its warnings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, RerankWarning
from localrank.providers import remarks
from localrank.providers.answers import sort_and_cut, unscored, unscored_warning

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


def scored(tally: Tally, activation: Activation, *, precision: str | None = None) -> list[ScoredIndex]:
    """Return an entry for each document that has a logit, marked with the `precision` where one is given."""
    mark = {"precision": precision} if precision else {}
    return [
        ScoredIndex(
            index,
            score(logit, activation),
            truncated=index in tally.truncated,
            metadata={"logit": logit, **mark},
        )
        for index, logit in tally.logits.items()
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
    left = [index for index in range(len(options.documents)) if index not in tally.logits]
    return DoRerankResult(
        results=sort_and_cut([*results, *(unscored(left) if left else ())], options.top_k),
        usage=RerankUsage(
            input_tokens=tally.tokens, truncated_documents=len(tally.truncated), cache_hits=tally.known
        ),
        warnings=list(_warnings(family, options, tally, len(left), query=query, provider=provider)),
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
