"""A ranker of the library `rerankers` as a model, against the installed library on a small real model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rerankers", reason="needs the extra `frameworks`")
pytest.importorskip("flashrank", reason="needs the extra `frameworks`")

from rerankers.models.flashrank_ranker import FlashRankRanker
from rerankers.models.ranker import BaseRanker
from rerankers.results import RankedResults, Result
from rerankers.utils import prep_docs

from localrank import InvalidRequestError, InvalidResponseError, rerank_sync
from localrank.integrations import from_rerankers
from localrank.testing import RerankerConformance
from tests.support import flashrank_files

QUERY = "what is the capital of france"
TEXTS = ["retrieval and machine learning", "paris is the capital of france", "pasta in the port city"]


class Generating(BaseRanker):
    """Ranks without scores, as rankers that generate an order do."""

    def __init__(self) -> None:
        pass

    def score(self, query: str, doc: str) -> float:
        raise NotImplementedError

    def rank(self, query: str, docs: Any, doc_ids: Any = None) -> RankedResults:
        ordered = sorted(prep_docs(docs, doc_ids), key=lambda document: -len(document.text))
        results = [Result(document, rank=rank) for rank, document in enumerate(ordered, start=1)]
        return RankedResults(results, query, has_scores=False)


class RankGPTRanker(Generating):
    pass


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flashrank_files.build(tmp_path_factory.mktemp("flashrank")).parent


def ranker(cache: Path) -> FlashRankRanker:
    return FlashRankRanker(flashrank_files.NAME, verbose=0, cache_dir=str(cache))


def test_it_gives_the_scores_of_the_ranker_itself(cache: Path) -> None:
    expected = ranker(cache).rank(QUERY, TEXTS)

    result = rerank_sync(from_rerankers(ranker(cache)), QUERY, TEXTS)

    assert [(one.document.doc_id, pytest.approx(one.score)) for one in expected.results] == [
        (hit.index, hit.score) for hit in result
    ]


def test_its_name_is_the_rankers(cache: Path) -> None:
    model = from_rerankers(ranker(cache))

    assert (model.provider, model.model_id, model.score_kind) == ("rerankers", "FlashRankRanker", "unknown")


def test_ranks_without_scores_give_an_order() -> None:
    result = rerank_sync(from_rerankers(Generating(), score_kind="ordinal"), "q", ["a", "aaa", "aa"])

    assert [(hit.index, hit.score) for hit in result] == [(1, 1.0), (2, 0.5), (0, 1 / 3)]


def test_a_ranker_known_to_generate_is_ordinal_by_itself() -> None:
    assert (
        from_rerankers(RankGPTRanker()).score_kind,
        from_rerankers(RankGPTRanker()).scores_comparable,
    ) == ("ordinal", False)


def test_missing_scores_are_an_error_that_says_how_to_read_the_order() -> None:
    with pytest.raises(InvalidResponseError, match="ordinal"):
        rerank_sync(from_rerankers(Generating()), "q", ["a", "b"])


def test_what_is_no_ranker_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="rank"):
        from_rerankers(object())


class TestRerankersConformance(RerankerConformance):
    @pytest.fixture(autouse=True)
    def build(self, cache: Path) -> None:
        self.cache = cache

    def make(self) -> Any:
        return from_rerankers(ranker(self.cache))


class TestOrdinalRerankersConformance(RerankerConformance):
    def make(self) -> Any:
        return from_rerankers(RankGPTRanker())
