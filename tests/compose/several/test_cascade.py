"""What a cascade shows to its second model, and where the rest stands."""

from __future__ import annotations

import anyio
import pytest

from localrank import (
    Cascade,
    DoRerankOptions,
    DoRerankResult,
    InvalidRequestError,
    RerankAbortedError,
    RerankUsage,
    ScoredIndex,
    ServerError,
    rerank,
)
from localrank.providers.calls import call_model
from localrank.providers.unscored import UNSCORED_TIER, unscored
from tests.support.small_models import Failing, Flag, Scoring, Sleeping

pytestmark = pytest.mark.anyio

DOCUMENTS = ["a", "bbbb", "cc", "ddddd", "eee"]


def shortest(text: str) -> float:
    return -len(text)


async def test_the_second_model_sees_only_the_best_of_the_first():
    second = Scoring(shortest)
    await rerank(Cascade(Scoring(), second, keep=2), "q", DOCUMENTS)
    assert second.asked == [("ddddd", "bbbb")]


async def test_what_the_second_model_did_not_see_follows_below_with_its_first_score():
    result = await rerank(Cascade(Scoring(), Scoring(shortest), keep=2), "q", DOCUMENTS)
    assert [hit.index for hit in result] == [1, 3, 4, 2, 0]
    assert [hit.score for hit in result] == [-4.0, -5.0, 3.0, 2.0, 1.0]
    assert [hit.tier for hit in result] == [0, 0, 1, 1, 1]
    assert [hit.metadata["stage"] for hit in result] == [1, 1, 0, 0, 0]


async def test_metadata_of_the_models_is_kept_beside_the_mark():
    result = await rerank(Cascade(Scoring(metadata={"logit": 2.0}), Scoring(), keep=1), "q", DOCUMENTS)
    assert result[0].metadata == {"stage": 1}
    assert result[1].metadata == {"logit": 2.0, "stage": 0}


async def test_a_longer_chain_narrows_down_and_stacks_its_tiers():
    second, third = Scoring(), Scoring(shortest)
    result = await rerank(Cascade(Scoring(), second, third, keep=[3, 2]), "q", DOCUMENTS)
    assert [len(second.asked[0]), len(third.asked[0])] == [3, 2]
    assert [hit.index for hit in result] == [1, 3, 4, 2, 0]
    assert [hit.tier for hit in result] == [0, 0, 1, 2, 2]
    assert [hit.metadata["stage"] for hit in result] == [2, 2, 1, 0, 0]


async def test_the_first_model_is_asked_for_no_more_than_is_used():
    first = Scoring()
    await rerank(Cascade(first, Scoring(), keep=2), "q", DOCUMENTS, top_k=1)
    assert first.calls[0].top_k == 2


async def test_top_k_beyond_keep_is_filled_from_below():
    result = await rerank(Cascade(Scoring(), Scoring(shortest), keep=2), "q", DOCUMENTS, top_k=4)
    assert [hit.index for hit in result] == [1, 3, 4, 2]
    assert result.warnings == ()


async def test_usage_is_summed_and_itemised():
    first = Scoring(usage=RerankUsage(input_tokens=10, api_calls=1), name="one")
    second = Scoring(usage=RerankUsage(input_tokens=4, search_units=1.0), name="two")
    usage = (await rerank(Cascade(first, second, keep=2), "q", DOCUMENTS)).usage
    assert (usage.input_tokens, usage.api_calls, usage.search_units) == (14, 1, 1.0)
    assert [stage.model_id for stage in usage.stages] == ["one", "two"]
    assert [stage.usage.input_tokens for stage in usage.stages] == [10, 4]
    assert all(stage.usage.duration_ms is not None for stage in usage.stages)


async def test_first_stage_scores_are_handed_on_for_the_documents_shown():
    second = Scoring()
    await rerank(
        Cascade(Scoring(), second, keep=2), "q", DOCUMENTS, first_stage_scores=[0.1, 0.2, 0.3, 0.4, 0.5]
    )
    assert second.calls[0].first_stage_scores == (0.4, 0.2)


async def test_without_first_stage_scores_the_second_model_gets_those_of_the_first():
    second = Scoring()
    await rerank(Cascade(Scoring(), second, keep=2), "q", DOCUMENTS)
    assert second.calls[0].first_stage_scores == (5.0, 4.0)


async def test_objects_reach_only_the_model_that_reads_them():
    first, second = Scoring(), Scoring()
    second.accepts_objects = True
    documents = [{"text": text} for text in DOCUMENTS]
    await rerank(Cascade(first, second, keep=2), "q", documents)
    assert first.calls[0].objects is None
    assert (documents[3], documents[1]) == second.calls[0].objects


async def test_an_abort_between_the_stages_keeps_the_second_model_from_starting():
    flag, second = Flag(), Scoring()

    def set_it(text: str) -> float:
        flag.set()
        return 1.0

    model = Cascade(Scoring(set_it), second, keep=2)
    with pytest.raises(RerankAbortedError):
        await rerank(model, "q", DOCUMENTS, abort_event=flag)
    assert second.calls == []


async def test_one_deadline_covers_both_stages_and_the_first_ranking_stands():
    second = Sleeping(30)
    options = DoRerankOptions("q", tuple(DOCUMENTS), deadline=0.3)
    with anyio.fail_after(10):
        answer = await call_model(Cascade(Scoring(), second, keep=2), options)
    assert [item.index for item in answer.results] == [3, 1, 4, 2, 0]
    assert [warning.type for warning in answer.warnings] == ["stage_cut_short"]
    assert second.cancelled == 1


async def test_a_stage_gets_what_is_left_of_the_deadline():
    second = Scoring()
    await rerank(Cascade(Sleeping(0.05), second, keep=2), "q", DOCUMENTS, deadline=5.0)
    assert 0 < second.calls[0].deadline <= 4.95


async def test_a_first_stage_out_of_time_gives_the_callers_order():
    with anyio.fail_after(10):
        result = await rerank(Cascade(Sleeping(30), Scoring()), "q", DOCUMENTS, deadline=0.05)
    assert [hit.index for hit in result] == [0, 1, 2, 3, 4]
    assert all(hit.metadata["scored"] is False for hit in result)
    assert [warning.type for warning in result.warnings] == ["deadline_exceeded"]


async def test_what_the_first_stage_left_unscored_is_not_shown_and_stays_last_and_marked():
    class Half(Scoring):
        async def do_rerank(self, options):
            answer = await super().do_rerank(options)
            return DoRerankResult([*answer.results[1::2], *unscored([0, 2, 4])])

    second = Scoring(shortest)
    result = await rerank(Cascade(Half(), second, keep=4), "q", DOCUMENTS)
    assert second.asked == [("ddddd", "bbbb")]
    assert [hit.index for hit in result] == [1, 3, 0, 2, 4]
    assert [hit.tier for hit in result] == [0, 0, *[UNSCORED_TIER] * 3]
    assert [hit.metadata for hit in result[2:]] == [{"scored": False}] * 3


async def test_a_failure_of_either_stage_is_raised_as_it_is():
    for model in (
        Cascade(Failing(ServerError("down", status=500)), Scoring()),
        Cascade(Scoring(), Failing(ServerError("down", status=500))),
    ):
        with pytest.raises(ServerError):
            await rerank(model, "q", DOCUMENTS, max_retries=0)


async def test_progress_counts_both_stages_up_to_the_number_of_documents():
    told: list[tuple[int, int]] = []
    model = Cascade(Scoring(), Scoring(), keep=5)
    await model.do_rerank(
        DoRerankOptions("q", tuple(DOCUMENTS), report_progress=lambda *figures: told.append(figures))
    )
    assert told == [(2, 5), (5, 5)]


async def test_its_scores_cannot_be_compared_between_calls():
    assert Cascade(Scoring(), Scoring()).scores_comparable is False


async def test_kinds_that_differ_make_an_unknown_kind():
    model = Cascade(Scoring(score_kind="probability"), Scoring(score_kind="logit"))
    assert model.score_kind == "unknown"


async def test_its_name_reads_like_the_string_form():
    model = Cascade(Scoring(name="a"), Scoring(name="b"), keep=7)
    assert (model.provider, model.model_id) == ("cascade", "(small:a>7>small:b)")


async def test_warm_up_and_close_reach_every_model():
    first, second = Scoring(), Scoring()
    model = Cascade(first, second)
    await model.warm_up()
    await model.aclose()
    assert [(inner.warm, inner.closed) for inner in (first, second)] == [(1, 1), (1, 1)]


async def test_every_model_is_closed_even_where_one_fails():
    class Stuck(Scoring):
        async def aclose(self):
            raise ServerError("stuck")

    last = Scoring()
    with pytest.raises(ServerError):
        await Cascade(Stuck(), last).aclose()
    assert last.closed == 1


async def test_a_model_without_async_code_serves_as_a_stage():
    class Plain:
        provider, model_id = "plain", "plain"

        def do_rerank_sync(self, options):
            return DoRerankResult([ScoredIndex(i, -len(text)) for i, text in enumerate(options.documents)])

        def warm_up(self):
            pass

    model = Cascade(Scoring(), Plain(), keep=2)
    await model.warm_up()
    assert [hit.index for hit in await rerank(model, "q", DOCUMENTS)] == [1, 3, 4, 2, 0]


@pytest.mark.parametrize("keep", [0, -1, True, [3, 4], [1], "20"])
async def test_a_keep_that_does_not_fit_is_refused(keep):
    with pytest.raises(InvalidRequestError, match="keep"):
        Cascade(Scoring(), Scoring(), Scoring(), keep=keep)
