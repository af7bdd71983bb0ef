"""`refined` orders and scores what it returns in float32; the rest stands below, marked."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank import rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.call.call import REFINED_BEYOND, refined_count
from localrank_transformers.optimizing.optimize import Candidates, optimize
from tests.support import tiny_encoders

QUERY = "what is rag"
DOCUMENTS = [f"w{number} the w{number // 2} of" for number in range(60)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_encoders.build(tmp_path_factory.mktemp("refined") / "m", "bert")
    optimize(folder, folder, candidates=[Candidates(QUERY, tuple(DOCUMENTS[:8]))] * 4)
    return folder


@pytest.mark.parametrize(
    ("documents", "top_k", "count"),
    [(100, None, None), (100, 5, 5 + REFINED_BEYOND), (2 * (5 + REFINED_BEYOND) - 1, 5, None), (10, 5, None)],
)
def test_how_many_are_scored_again(documents: int, top_k: int | None, count: int | None) -> None:
    assert count == refined_count(documents, top_k)


def test_what_is_returned_is_ordered_and_scored_in_float32(folder: Path) -> None:
    exact = {
        hit.index: hit.score for hit in rerank_sync(OnnxReranker(folder, precision="fp32"), QUERY, DOCUMENTS)
    }
    result = rerank_sync(OnnxReranker(folder, precision="refined"), QUERY, DOCUMENTS, top_k=4)
    assert len(result) == 4
    assert {"fp32"} == {hit.metadata["precision"] for hit in result}
    for hit in result:
        assert pytest.approx(exact[hit.index], abs=1e-6) == hit.score


def test_without_top_k_everything_is_float32(folder: Path) -> None:
    exact = [hit.score for hit in rerank_sync(OnnxReranker(folder, precision="fp32"), QUERY, DOCUMENTS)]
    result = rerank_sync(OnnxReranker(folder, precision="refined"), QUERY, DOCUMENTS)
    assert exact == [hit.score for hit in result]
    assert {0} == {hit.tier for hit in result}


def test_the_tokens_of_both_passes_are_counted(folder: Path) -> None:
    plain = rerank_sync(OnnxReranker(folder, precision="int8"), QUERY, DOCUMENTS, top_k=4)
    refined = rerank_sync(OnnxReranker(folder, precision="refined"), QUERY, DOCUMENTS, top_k=4)
    assert refined.usage.input_tokens > plain.usage.input_tokens
