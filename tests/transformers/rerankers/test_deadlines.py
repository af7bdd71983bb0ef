"""A deadline over lists that no time suffices for: something is scored, by the model itself and through every wrapper."""

from __future__ import annotations

import pytest

from localrank import (
    Batched,
    Cached,
    Cascade,
    Chunked,
    Diversified,
    Fallback,
    Fused,
    Limited,
    rerank_sync,
)
from localrank.contract.model import AnyReranker
from localrank.testing import LexicalReranker
from localrank_transformers import OnnxReranker

COUNT = 60_000
DOCUMENTS = [f"Passage number {number} about things" for number in range(COUNT)]
MODEL, OTHER = OnnxReranker("localrank-tiny"), OnnxReranker("localrank-tiny")

MODELS: dict[str, AnyReranker] = {
    "alone": MODEL,
    "cached": Cached(MODEL),
    "chunked": Chunked(MODEL),
    "limited": Limited(MODEL, concurrency=1),
    "batched": Batched(MODEL, max_documents=64),
    "fallback": Fallback(MODEL, LexicalReranker()),
    "cascade": Cascade(MODEL, OTHER, keep=20),
    "fused": Fused([MODEL, OTHER]),
    "diversified": Diversified(MODEL),
    "cached and chunked": Cached(Chunked(MODEL)),
}


@pytest.mark.slow
@pytest.mark.parametrize("top_k", [10, None])
@pytest.mark.parametrize("name", MODELS)
def test_something_is_scored(name: str, top_k: int | None) -> None:
    for one in (MODEL, OTHER):
        rerank_sync(one, "warm", ["up"])
    # A machine that stands still for 40 ms as the time ends loses what was scored; three times in a row is no accident.
    for _ in range(3):
        result = rerank_sync(MODELS[name], "What is RAG?", DOCUMENTS, top_k=top_k, deadline=1.5)
        assert len(result) == (top_k or COUNT)
        assert {warning.type for warning in result.warnings} & {"deadline_exceeded", "stage_cut_short"}
        if result[0].metadata.get("scored", True):
            return
    pytest.fail("Nothing was scored, three times in a row.")
