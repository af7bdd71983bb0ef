"""Through every wrapper a result says who served and what was left out."""

from __future__ import annotations

import pytest

from localrank import (
    Batched,
    Cached,
    Cascade,
    DoRerankResult,
    Fallback,
    Fused,
    Identity,
    RerankOutcome,
    Retrieved,
    ScoredIndex,
    ServerError,
    rerank,
)
from localrank.compose.wrapping.wrapper import name_of
from localrank.contract.types import CALLERS_ORDER
from localrank.providers.unscored import UNSCORED, UNSCORED_TIER, RestUnscored, unscored_warning
from tests.support.small_models import Clock, Failing, Scoring, Sleeping
from tests.support.wrappers import AROUND_ONE

pytestmark = pytest.mark.anyio

DOCUMENTS = ["a", "bbb", "cc"]
DOWN = ServerError("down", status=503)


class Refusing(Scoring):
    """Leaves its first document unscored and says nothing of it."""

    async def do_rerank(self, options):
        answer = await super().do_rerank(options)
        first = ScoredIndex(0, 0.0, UNSCORED_TIER, metadata=UNSCORED)
        return DoRerankResult([first, *answer.results[1:]])


class OutOfTime(Scoring):
    """Says that its deadline passed before any document."""

    async def do_rerank(self, options):
        count = len(options.documents)
        return DoRerankResult(RestUnscored([], count), warnings=[unscored_warning(0, count)])


def failing() -> Fallback:
    return Fallback(Failing(DOWN, name="first"), Scoring(name="second"))


@pytest.mark.parametrize("wrapper", AROUND_ONE)
async def test_a_wrapper_around_one_model_names_that_model(wrapper):
    result = await rerank(AROUND_ONE[wrapper](Scoring(name="one")), "q", DOCUMENTS)
    assert result.outcome == RerankOutcome("ranked", (), "small:one")


@pytest.mark.parametrize("wrapper", sorted(set(AROUND_ONE) - {"batched", "cached", "calibrated"}))
async def test_a_fallback_is_seen_through_the_wrappers_that_can_hold_one(wrapper):
    result = await rerank(AROUND_ONE[wrapper](failing()), "q", DOCUMENTS)
    assert result.outcome == RerankOutcome("degraded", ("fallback",), "small:second")


@pytest.mark.parametrize("wrapper", AROUND_ONE)
async def test_documents_that_a_model_refused_are_seen_through_every_wrapper(wrapper):
    result = await rerank(AROUND_ONE[wrapper](Refusing(name="one")), "q", DOCUMENTS)
    assert result.outcome == RerankOutcome("partial", ("unscored_documents",), "small:one")


@pytest.mark.parametrize("wrapper", sorted(set(AROUND_ONE) - {"traced", "wrapped"}))
async def test_a_deadline_without_any_score_leaves_the_callers_order_in_every_wrapper(wrapper):
    result = await rerank(AROUND_ONE[wrapper](Sleeping(60)), "q", DOCUMENTS, deadline=0.1)
    assert result.outcome == RerankOutcome("degraded", ("deadline_exceeded",), CALLERS_ORDER)


async def test_scores_from_a_cache_alone_are_the_inner_models():
    cached = Cached(Batched(Scoring(name="one"), max_documents=2))
    await rerank(cached, "q", DOCUMENTS)
    again = await rerank(cached, "q", DOCUMENTS)
    assert again.usage.cache_hits == 3
    assert again.outcome == RerankOutcome("ranked", (), "small:one")


async def test_a_fallback_whose_first_model_answers_is_ranked():
    result = await rerank(Fallback(Scoring(name="first"), Identity()), "q", DOCUMENTS)
    assert result.outcome == RerankOutcome("ranked", (), "small:first")


async def test_the_innermost_model_of_nested_fallbacks_is_named():
    result = await rerank(Fallback(failing(), Identity()), "q", DOCUMENTS)
    assert result.outcome == RerankOutcome("degraded", ("fallback",), "small:second")


async def test_an_open_breaker_is_told_like_a_failure():
    model = Fallback(Failing(DOWN), Scoring(name="second"), failure_threshold=1, now=Clock())
    await rerank(model, "q", DOCUMENTS)
    result = await rerank(model, "q", DOCUMENTS)
    assert result.warnings[0].message == "small:failing was passed over; small:second served the call."
    assert result.outcome == RerankOutcome("degraded", ("fallback",), "small:second")


async def test_the_first_model_that_is_tried_after_all_is_no_fallback():
    model = Fallback(
        Failing(DOWN, None, name="first"),
        Failing(None, DOWN, name="second"),
        failure_threshold=1,
        now=Clock(),
    )
    await rerank(model, "q", DOCUMENTS)
    result = await rerank(model, "q", DOCUMENTS)
    assert result.outcome == RerankOutcome("ranked", (), "small:first")
    assert [warning.type for warning in result.warnings] == ["others_failed"]


async def test_the_callers_order_at_the_end_of_a_fallback_has_the_name_of_no_model():
    result = await rerank(Fallback(Failing(DOWN), Identity()), "q", DOCUMENTS)
    assert result.outcome == RerankOutcome("degraded", ("fallback",), CALLERS_ORDER)
    assert name_of(Identity()) == CALLERS_ORDER


async def test_models_that_rank_one_after_the_other_are_all_named():
    model = Cascade(Scoring(name="first"), Scoring(name="second"), keep=2)
    assert (await rerank(model, "q", DOCUMENTS)).outcome.served_by == "small:first+small:second"


async def test_a_cascade_names_the_model_that_stood_in():
    result = await rerank(Cascade(Scoring(name="cheap"), failing(), keep=2), "q", DOCUMENTS)
    assert result.outcome == RerankOutcome("degraded", ("fallback",), "small:cheap+small:second")


async def test_a_cascade_that_was_cut_short_is_partial_and_names_who_ended():
    result = await rerank(Cascade(Scoring(name="cheap"), OutOfTime(), keep=2), "q", DOCUMENTS)
    assert result.outcome == RerankOutcome("partial", ("stage_cut_short",), "small:cheap")


async def test_models_that_rank_side_by_side_are_all_named():
    model = Fused([Scoring(name="one"), Retrieved([3.0, 2.0, 1.0])])
    served_by = (await rerank(model, "q", DOCUMENTS)).outcome.served_by
    assert served_by == "small:one+retrieved:given-scores"


async def test_a_document_that_the_other_model_of_a_fusion_scored_is_still_told_of():
    result = await rerank(Fused([Refusing(name="one"), Scoring(name="two")]), "q", DOCUMENTS)
    assert (result.outcome.kind, result.outcome.reasons) == ("partial", ("unscored_documents",))
