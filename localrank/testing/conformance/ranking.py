"""Rules of the ranking: how many, which, and in what order."""

from __future__ import annotations

import math

from localrank.calling.rerank import rerank
from localrank.contract.model import scores_comparable
from localrank.testing.conformance.bench import DOCUMENTS, QUERY, Bench, rule

__all__ = [
    "check_empty_documents",
    "check_every_document_ranked",
    "check_one_document",
    "check_scores_are_finite_floats",
    "check_sorted",
    "check_ties_by_index",
    "check_top_k",
]


@rule
async def check_empty_documents(bench: Bench) -> None:
    """No documents give an empty ranking, also when the model itself is asked, as wrappers do."""
    async with bench.model() as model:
        result = await rerank(model, QUERY, list[str](), max_retries=0)
        bench.require(len(result) == 0, "an empty ranking", result)
        answer = await bench.raw(model, documents=())
        bench.require(not answer.results, "an empty answer of do_rerank", answer.results)


@rule
async def check_one_document(bench: Bench) -> None:
    """One document gives one result."""
    async with bench.model() as model:
        result = await rerank(model, QUERY, DOCUMENTS[:1], max_retries=0)
        bench.require([hit.index for hit in result] == [0], "one result with index 0", result.ranked)


@rule
async def check_top_k(bench: Bench) -> None:
    """`top_k` below, at and above the count gives that many, and the beginning of the full ranking."""
    async with bench.model() as model:
        full = [hit.index for hit in await rerank(model, QUERY, DOCUMENTS, max_retries=0)]
        for top_k in (1, len(DOCUMENTS) - 1, len(DOCUMENTS), len(DOCUMENTS) + 7):
            result = await rerank(model, QUERY, DOCUMENTS, top_k, max_retries=0)
            wanted = min(top_k, len(DOCUMENTS))
            bench.require(len(result) == wanted, f"{wanted} results for top_k={top_k}", len(result))
            if scores_comparable(model):
                indexes = [hit.index for hit in result]
                bench.require(indexes == full[:wanted], f"{full[:wanted]} for top_k={top_k}", indexes)


@rule
async def check_every_document_ranked(bench: Bench) -> None:
    """Without `top_k` every document is ranked once."""
    async with bench.model() as model:
        result = await rerank(model, QUERY, DOCUMENTS, max_retries=0)
        indexes = sorted(hit.index for hit in result)
        bench.require(indexes == list(range(len(DOCUMENTS))), "each index once", indexes)


@rule
async def check_scores_are_finite_floats(bench: Bench) -> None:
    """Scores are finite floats."""
    async with bench.model() as model:
        for hit in await rerank(model, QUERY, DOCUMENTS, max_retries=0):
            finite = type(hit.score) is float and math.isfinite(hit.score)
            bench.require(finite, "a finite float", repr(hit.score))


@rule
async def check_sorted(bench: Bench) -> None:
    """Results stand by (tier, −score, index)."""
    async with bench.model() as model:
        result = await rerank(model, QUERY, DOCUMENTS, max_retries=0)
        keys = [(hit.tier, -hit.score, hit.index) for hit in result]
        bench.require(keys == sorted(keys), "results sorted by (tier, −score, index)", keys)
        ranks = [hit.rank for hit in result]
        bench.require(ranks == list(range(1, len(ranks) + 1)), "ranks from 1", ranks)


@rule
async def check_ties_by_index(bench: Bench) -> None:
    """Documents with one score keep the caller's order."""
    async with bench.model() as model:
        result = await rerank(model, QUERY, [DOCUMENTS[1]] * 5, max_retries=0)
        level = len({(hit.tier, hit.score) for hit in result}) == 1
        indexes = [hit.index for hit in result]
        bench.require(not level or indexes == [0, 1, 2, 3, 4], "the caller's order for equal scores", indexes)
