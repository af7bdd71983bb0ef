"""Rules of the scores: what a score may depend on, and what kind it is."""

from __future__ import annotations

from typing import get_args

from localrank.calling.rerank import rerank
from localrank.contract.model import score_kind
from localrank.contract.types import ScoreKind
from localrank.testing.conformance.bench import DOCUMENTS, QUERY, Bench, pointwise_rule, rule

__all__ = [
    "check_batch_composition",
    "check_duplicates",
    "check_order_of_input",
    "check_same_answer_twice",
    "check_score_kind",
]


@pointwise_rule
async def check_order_of_input(bench: Bench) -> None:
    """A pointwise score does not depend on where the document stands in the list."""
    async with bench.model() as model:
        forward = await bench.scores(model, DOCUMENTS)
        backward = await bench.scores(model, DOCUMENTS[::-1])
        bench.require_same(forward, backward[::-1], "whatever the order of the documents")


@pointwise_rule
async def check_batch_composition(bench: Bench) -> None:
    """A pointwise score does not depend on the other documents of the call, however long they are."""
    async with bench.model() as model:
        alone = [(await bench.scores(model, [document]))[0] for document in DOCUMENTS]
        together = await bench.scores(model, [*DOCUMENTS, "Rivers run to the sea. " * 60, ""])
        bench.require_same(alone, together[: len(alone)], "alone and among others")


@pointwise_rule
async def check_duplicates(bench: Bench) -> None:
    """Equal documents score alike."""
    async with bench.model() as model:
        scores = await bench.scores(model, [*DOCUMENTS, *DOCUMENTS])
        half = len(DOCUMENTS)
        bench.require_same(scores[:half], scores[half:], "for a document and its copy")


@rule
async def check_same_answer_twice(bench: Bench) -> None:
    """The same call gives the same scores."""
    async with bench.model() as model:
        first = await bench.scores(model, DOCUMENTS)
        bench.require_same(first, await bench.scores(model, DOCUMENTS), "in a second call")


@rule
async def check_score_kind(bench: Bench) -> None:
    """`score_kind` is one of the four words, and a probability lies in 0–1."""
    async with bench.model() as model:
        kind = score_kind(model)
        words = get_args(ScoreKind)
        bench.require(kind in words, f"a score_kind among {', '.join(words)}", repr(kind))
        scores = [hit.score for hit in await rerank(model, QUERY, DOCUMENTS, max_retries=0)]
        inside = kind != "probability" or all(0 <= score <= 1 for score in scores)
        bench.require(inside, "probabilities in 0–1", scores)
