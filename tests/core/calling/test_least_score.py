"""`min_score`: what is left out, when it is cut, what is counted, and for which scores it has a meaning."""

from __future__ import annotations

import math

import pytest

from localrank import (
    Cascade,
    DoRerankResult,
    Identity,
    InvalidRequestError,
    ScoredIndex,
    rerank,
    rerank_many,
    rerank_sync,
)
from localrank.providers.unscored import RestUnscored, unscored_warning
from localrank.testing import MockReranker
from tests.support.small_models import Listwise, Scoring, Sleeping

DOCUMENTS = ["a", "bbb", "cc", "dddd"]


def by_length(text: str) -> float:
    return len(text) / 10


def model() -> Scoring:
    return Scoring(by_length, score_kind="probability")


def kinds(result) -> list[str]:
    return [warning.type for warning in result.warnings]


@pytest.mark.anyio
async def test_documents_below_it_are_left_out_and_counted():
    result = await rerank(model(), "q", DOCUMENTS, min_score=0.3)
    assert [(hit.index, hit.score, hit.rank) for hit in result] == [(3, 0.4, 1), (1, 0.3, 2)]
    assert (result.dropped, result.warnings, result.outcome.kind) == (2, (), "ranked")


@pytest.mark.anyio
async def test_it_cuts_before_top_k_and_counts_over_the_whole_list():
    result = await rerank(model(), "q", DOCUMENTS, top_k=1, min_score=0.2)
    assert ([hit.index for hit in result], result.dropped) == ([3], 1)


@pytest.mark.anyio
async def test_a_better_score_in_a_lower_tier_moves_up_where_the_tier_above_is_left_out():
    second = Scoring(lambda text: 0.1, name="second", score_kind="probability")
    result = await rerank(Cascade(model(), second, keep=1), "q", DOCUMENTS, top_k=1, min_score=0.2)
    assert [(hit.index, hit.score) for hit in result] == [(1, 0.3)]


@pytest.mark.anyio
async def test_an_empty_answer_names_the_best_score():
    result = await rerank(model(), "q", DOCUMENTS, min_score=0.9)
    assert (len(result), result.dropped, result.outcome.kind) == (0, 4, "ranked")
    (warning,) = result.warnings
    assert warning.type == "none_above_min_score"
    assert "0.4" in warning.message


@pytest.mark.anyio
async def test_documents_that_were_not_scored_are_left_out_and_said_so():
    cut = RestUnscored([ScoredIndex(2, 0.7)], 4)
    answer = DoRerankResult(cut, warnings=[unscored_warning(1, 4)])
    result = await rerank(MockReranker([answer]), "q", DOCUMENTS, min_score=0.0)
    assert ([hit.index for hit in result], result.dropped, result.outcome.kind) == ([2], 3, "partial")
    assert "min_score_unscored" in kinds(result)


@pytest.mark.anyio
async def test_an_answer_emptied_by_a_deadline_is_told_from_one_without_answers():
    sleeping = Sleeping(60)
    sleeping.score_kind = "probability"
    result = await rerank(sleeping, "q", DOCUMENTS, deadline=0.05, min_score=0.1)
    assert (len(result), result.dropped, result.outcome.kind) == (0, 4, "degraded")


@pytest.mark.anyio
async def test_ordinal_scores_have_no_threshold_and_the_model_is_not_asked():
    with pytest.raises(InvalidRequestError, match="ordinal"):
        await rerank(Identity(), "q", DOCUMENTS, min_score=0.3)


@pytest.mark.anyio
@pytest.mark.parametrize(("kind", "word"), [("logit", "logits"), ("unknown", "does not state")])
async def test_scores_without_a_known_scale_are_warned_of(kind, word):
    result = await rerank(Scoring(by_length, score_kind=kind), "q", DOCUMENTS, min_score=0.3)
    (warning,) = result.warnings
    assert (warning.type, warning.feature, len(result)) == ("uncalibrated_scores", "min_score", 2)
    assert word in warning.message


@pytest.mark.anyio
@pytest.mark.parametrize("least", [math.nan, math.inf, True, "0.5", [0.5]])
async def test_what_is_no_finite_number_is_refused_by_name(least):
    asked = model()
    with pytest.raises(InvalidRequestError, match="min_score"):
        await rerank(asked, "q", DOCUMENTS, min_score=least)
    assert asked.calls == []


@pytest.mark.anyio
async def test_a_number_of_another_library_is_one():
    np = pytest.importorskip("numpy")
    assert len(await rerank(model(), "q", DOCUMENTS, min_score=np.float32(0.35))) == 1


@pytest.mark.anyio
async def test_scores_that_depend_on_the_list_are_cut_over_the_whole_list():
    listwise = Listwise(score_kind="probability")
    result = await rerank(listwise, "q", DOCUMENTS, top_k=1, min_score=0.25)
    assert (len(result), result.dropped) == (1, 2)


@pytest.mark.anyio
async def test_every_one_of_many_calls_is_cut():
    results = await rerank_many(model(), [("q", DOCUMENTS), ("r", ["a"])], min_score=0.3)
    assert [(len(result), result.dropped) for result in results] == [(2, 2), (0, 1)]


def test_a_blocking_call_is_cut_too():
    assert rerank_sync(model(), "q", DOCUMENTS, min_score=0.3).dropped == 2
