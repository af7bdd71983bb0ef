"""Split a long list into calls that a model's service takes, and merge the answers. Used by models, never by the core."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex, ignore_progress
from localrank.providers.all_of import all_of

__all__ = ["Part", "rerank_in_parts", "rerank_parts", "split", "split_at"]

DoRerank = Callable[[DoRerankOptions], Awaitable[DoRerankResult]]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Part:
    """One slice of a request.

    Attributes:
        start: Index of its first document in the whole list.
        options: The request for this slice.
    """

    start: int
    options: DoRerankOptions


def split(options: DoRerankOptions, max_documents: int) -> list[Part]:
    """Return consecutive slices of at most `max_documents` documents, as even as can be.

    `top_k` stays, since all of the best may lie in one slice; `report_progress` is left to `rerank_in_parts`.
    """
    count = len(options.documents)
    parts = max(1, -(-count // max_documents))
    return split_at(options, [count * part // parts for part in range(parts + 1)])


def split_at(options: DoRerankOptions, borders: Sequence[int]) -> list[Part]:
    """Return the slices between `borders`, which rise from 0 to the number of documents."""
    return [Part(start, _slice(options, start, end)) for start, end in pairwise(borders)]


def _slice(options: DoRerankOptions, start: int, end: int) -> DoRerankOptions:
    def cut(values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        return None if values is None else values[start:end]

    return replace(
        options,
        documents=options.documents[start:end],
        objects=cut(options.objects),
        first_stage_scores=cut(options.first_stage_scores),
        top_k=None if options.top_k is None else min(options.top_k, end - start),
        report_progress=ignore_progress,
    )


async def rerank_in_parts(
    do_rerank: DoRerank, options: DoRerankOptions, *, max_documents: int, max_parallel: int
) -> list[DoRerankResult]:
    """Run the slices, at most `max_parallel` at once, and return their answers with indexes of the whole list.

    The first failure cancels the other slices and is raised as it is. Merging usage and metadata is the caller's, who knows
    what they mean.
    """
    return await rerank_parts(do_rerank, options, split(options, max_documents), max_parallel=max_parallel)


async def rerank_parts(
    do_rerank: DoRerank, options: DoRerankOptions, parts: Sequence[Part], *, max_parallel: int
) -> list[DoRerankResult]:
    """Run `parts` of `options` as `rerank_in_parts` does."""
    answers: list[DoRerankResult | None] = [None] * len(parts)
    waiting = iter(enumerate(parts))
    done = 0

    async def work() -> None:
        nonlocal done
        for position, part in waiting:
            answer = await do_rerank(part.options)
            answers[position] = replace(answer, results=_shifted(answer, part.start))
            done += len(part.options.documents)
            options.report_progress(done, len(options.documents))

    await all_of([work] * min(max_parallel, len(parts)))
    return [answer for answer in answers if answer is not None]


def _shifted(answer: DoRerankResult, start: int) -> Sequence[ScoredIndex]:
    if not start:
        return answer.results
    return [
        ScoredIndex(item.index + start, item.score, item.tier, item.truncated, item.metadata)
        for item in answer.results
    ]
