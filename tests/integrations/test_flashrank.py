"""A FlashRank ranker as a model, against the installed FlashRank on a small real model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("flashrank", reason="needs the extra `frameworks`")

import flashrank

from localrank import InvalidRequestError, rerank_sync
from localrank.integrations import from_flashrank
from localrank.testing import RerankerConformance
from localrank_transformers import OnnxReranker
from tests.support import flashrank_files

QUERY = "what is the capital of france"
TEXTS = ["retrieval and machine learning", "paris is the capital of france", "pasta in the port city"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flashrank_files.build(tmp_path_factory.mktemp("flashrank"))


@pytest.fixture
def ranker(folder: Path) -> Any:
    return flashrank.Ranker(model_name=flashrank_files.NAME, cache_dir=str(folder.parent), log_level="ERROR")


def test_it_gives_the_scores_of_flashrank_itself(ranker: Any) -> None:
    passages = [{"id": place, "text": text} for place, text in enumerate(TEXTS)]
    expected = ranker.rerank(flashrank.RerankRequest(query=QUERY, passages=passages))

    result = rerank_sync(from_flashrank(ranker), QUERY, TEXTS)

    assert [passage["id"] for passage in expected] == [hit.index for hit in result]
    assert [passage["score"] for passage in expected] == pytest.approx([hit.score for hit in result])


def test_it_agrees_with_our_own_reranker_on_the_same_files(ranker: Any, folder: Path) -> None:
    ours = rerank_sync(OnnxReranker(folder), QUERY, TEXTS)

    theirs = rerank_sync(from_flashrank(ranker), QUERY, TEXTS)

    assert [(hit.index, pytest.approx(hit.score, abs=1e-5)) for hit in ours] == [
        (hit.index, hit.score) for hit in theirs
    ]


def test_its_name_is_the_models(ranker: Any) -> None:
    model = from_flashrank(ranker)

    assert (
        model.provider,
        model.model_id,
        model.score_kind,
    ) == ("flashrank", flashrank_files.NAME, "probability")


def test_a_ranker_that_generates_an_order_is_ordinal() -> None:
    generating = SimpleNamespace(llm_model=object(), rerank=lambda request: request.passages[::-1])

    result = rerank_sync(from_flashrank(generating), QUERY, TEXTS)

    assert [(hit.index, hit.score) for hit in result] == [(2, 1.0), (1, 0.5), (0, 1 / 3)]
    assert result.score_kind == "ordinal"


def test_what_is_no_ranker_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="rerank"):
        from_flashrank(object())


class TestFlashRankConformance(RerankerConformance):
    @pytest.fixture(autouse=True)
    def build(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> Any:
        ranker = flashrank.Ranker(flashrank_files.NAME, cache_dir=str(self.folder.parent), log_level="ERROR")
        return from_flashrank(ranker)
