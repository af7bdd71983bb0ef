"""What a result says of its call: ranked, partial or degraded, why, and by whom."""

from __future__ import annotations

import pickle

import pytest

from localrank import (
    CallEnded,
    DoRerankResult,
    RerankOutcome,
    RerankWarning,
    ScoredIndex,
    rerank,
    rerank_many,
    rerank_sync,
)
from localrank.contract.types import CALLERS_ORDER, OUTCOME_OF_WARNING
from localrank.providers.unscored import UNSCORED, UNSCORED_TIER, RestUnscored, unscored_warning
from localrank.testing import MockReranker
from tests.support.small_models import Scoring, Sleeping

DOCUMENTS = ["a", "bbb", "cc"]


def answering(*results: ScoredIndex, **more) -> MockReranker:
    return MockReranker([DoRerankResult(results, **more)])


def unscored(index: int) -> ScoredIndex:
    return ScoredIndex(index, 0.0, UNSCORED_TIER, metadata=UNSCORED)


@pytest.mark.anyio
async def test_a_whole_ranking_is_ranked_by_the_model_that_was_asked():
    result = await rerank(Scoring(name="one"), "q", DOCUMENTS)
    assert result.outcome == RerankOutcome("ranked", (), "small:one")
    assert str(result.outcome) == "ranked, served by small:one"


@pytest.mark.anyio
async def test_a_deadline_with_some_documents_scored_makes_a_partial_answer():
    scored = RestUnscored([ScoredIndex(1, 0.5)], 3)
    model = MockReranker([DoRerankResult(scored, warnings=[unscored_warning(1, 3)])])
    result = await rerank(model, "q", DOCUMENTS)
    assert result.outcome == RerankOutcome("partial", ("deadline_exceeded",), "testing:mock")
    assert "partial" in repr(result)


@pytest.mark.anyio
async def test_a_deadline_before_any_score_leaves_the_callers_order():
    result = await rerank(Sleeping(60), "q", DOCUMENTS, deadline=0.05)
    assert result.outcome == RerankOutcome("degraded", ("deadline_exceeded",), CALLERS_ORDER)
    assert [hit.index for hit in result] == [0, 1, 2]


@pytest.mark.anyio
async def test_documents_that_a_model_leaves_unscored_without_a_word_get_one():
    result = await rerank(answering(ScoredIndex(1, 0.5), unscored(0), unscored(2)), "q", DOCUMENTS)
    assert result.outcome == RerankOutcome("partial", ("unscored_documents",), "testing:mock")
    assert [warning.type for warning in result.warnings] == ["unscored_documents"]


@pytest.mark.anyio
async def test_unscored_documents_below_the_cut_are_told_of_too():
    result = await rerank(answering(ScoredIndex(1, 0.5), ScoredIndex(2, 0.4), unscored(0)), "q", DOCUMENTS, 2)
    assert [hit.index for hit in result] == [1, 2]
    assert result.outcome.reasons == ("unscored_documents",)


@pytest.mark.anyio
async def test_documents_that_the_model_names_as_blank_need_no_second_warning():
    blank = RerankWarning("blank_documents", "1 document without text was not sent.")
    model = answering(ScoredIndex(1, 0.5), ScoredIndex(2, 0.4), unscored(0), warnings=[blank])
    result = await rerank(model, "q", DOCUMENTS)
    assert (result.warnings, result.outcome.kind) == ((blank,), "partial")


@pytest.mark.anyio
async def test_documents_left_out_make_a_partial_answer():
    result = await rerank(answering(ScoredIndex(1, 0.5)), "q", DOCUMENTS)
    assert (result.outcome.kind, result.outcome.reasons) == ("partial", ("incomplete_ranking",))


@pytest.mark.anyio
async def test_remarks_on_arguments_and_lengths_leave_a_call_ranked():
    remark = RerankWarning("documents_truncated", "1 of 3 documents was cut.")
    model = answering(*[ScoredIndex(index, 0.5) for index in range(3)], warnings=[remark])
    assert (await rerank(model, "q", DOCUMENTS)).outcome == RerankOutcome("ranked", (), "testing:mock")


@pytest.mark.anyio
async def test_the_worst_of_several_reasons_counts_and_each_is_named_once():
    warnings = [RerankWarning(kind, "…") for kind in ("deadline_exceeded", "fallback", "fallback", "licence")]
    model = answering(*[ScoredIndex(index, 0.5) for index in range(3)], warnings=warnings)
    outcome = (await rerank(model, "q", DOCUMENTS)).outcome
    assert (outcome.kind, outcome.reasons) == ("degraded", ("deadline_exceeded", "fallback"))


@pytest.mark.anyio
async def test_the_end_of_a_call_is_announced_with_its_outcome():
    told: list[CallEnded] = []
    await rerank(answering(ScoredIndex(1, 0.5)), "q", DOCUMENTS, on_end=told.append)
    assert [event.result.outcome.kind for event in told] == ["partial"]


@pytest.mark.anyio
async def test_each_of_many_calls_has_its_own_outcome():
    whole = DoRerankResult([ScoredIndex(0, 0.5)])
    cut = DoRerankResult([unscored(0)], warnings=[unscored_warning(0, 1)])
    results = await rerank_many(MockReranker([whole, cut]), [("q", ["a"]), ("r", ["b"])], max_parallel=1)
    assert [result.outcome.kind for result in results] == ["ranked", "degraded"]


def test_a_blocking_call_has_one_too():
    assert rerank_sync(Scoring(name="one"), "q", DOCUMENTS).outcome.served_by == "small:one"


@pytest.mark.anyio
async def test_no_documents_are_ranked_whole():
    assert (await rerank(Scoring(name="one"), "q", [])).outcome == RerankOutcome("ranked", (), "small:one")


def test_an_outcome_is_a_value():
    outcome = RerankOutcome("degraded", ("fallback",), "small:one")
    assert pickle.loads(pickle.dumps(outcome)) == outcome
    assert str(outcome) == "degraded (fallback), served by small:one"


def test_only_kinds_of_outcomes_stand_behind_warnings():
    assert set(OUTCOME_OF_WARNING.values()) == {"skipped", "partial", "degraded"}
