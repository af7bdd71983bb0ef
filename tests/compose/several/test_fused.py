"""Models side by side, and the retriever's scores among them."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    Fused,
    Identity,
    InvalidRequestError,
    RerankAbortedError,
    RerankUsage,
    Retrieved,
    ScoredIndex,
    ServerError,
    rerank,
)
from localrank.providers.calls import call_model
from localrank.providers.unscored import UNSCORED_TIER, unscored
from tests.support.small_models import Failing, Flag, Scoring, Sleeping

pytestmark = pytest.mark.anyio

DOCUMENTS = ["aaa", "b", "cc"]


async def test_rrf_sums_reciprocal_ranks():
    result = await rerank(Fused([Scoring(), Scoring(lambda text: -len(text))]), "q", DOCUMENTS)
    assert pytest.approx({hit.index: hit.score for hit in result}) == {
        0: 1 / 61 + 1 / 63,
        1: 1 / 63 + 1 / 61,
        2: 2 / 62,
    }
    assert result.score_kind == "ordinal"


async def test_the_retrievers_scores_are_one_of_the_rankings():
    model = Fused([Scoring(), Retrieved()], weights=[1, 3])
    result = await rerank(model, "q", DOCUMENTS, first_stage_scores=[1.0, 2.0, 3.0])
    assert [hit.index for hit in result] == [2, 1, 0]
    assert [hit.metadata["stage_scores"] for hit in result] == [(2.0, 3.0), (1.0, 2.0), (3.0, 1.0)]


async def test_weighted_is_the_weighted_mean_of_the_scores():
    first = Scoring(lambda text: {"aaa": 0.9, "b": 0.2, "cc": 0.5}[text], score_kind="probability")
    second = Scoring(lambda text: {"aaa": 0.1, "b": 0.8, "cc": 0.5}[text], score_kind="probability")
    result = await rerank(Fused([first, second], method="weighted", weights=[3, 1]), "q", DOCUMENTS)
    assert pytest.approx([hit.score for hit in result]) == [0.7, 0.5, 0.35]
    assert result.score_kind == "probability"


async def test_normalized_lists_weigh_alike_whatever_their_scale():
    model = Fused([Scoring(), Retrieved()], method="weighted", normalize="min-max")
    result = await rerank(model, "q", DOCUMENTS, first_stage_scores=[0.0, 1000.0, 900.0])
    assert [hit.index for hit in result] == [2, 0, 1]
    assert pytest.approx([hit.score for hit in result]) == [0.7, 0.5, 0.5]


async def test_every_model_is_asked_for_all_documents_whatever_top_k():
    first, second = Scoring(), Scoring()
    result = await rerank(Fused([first, second]), "q", DOCUMENTS, top_k=1)
    assert [model.calls[0].top_k for model in (first, second)] == [None, None]
    assert len(result) == 1


async def test_the_models_run_at_the_same_time():
    class Meeting(Scoring):
        """Answers only once all have begun."""

        begun = 0

        async def do_rerank(self, options):
            Meeting.begun += 1
            while Meeting.begun < 3:
                await anyio.lowlevel.checkpoint()
            return await super().do_rerank(options)

    with anyio.fail_after(10):
        assert len(await rerank(Fused([Meeting(), Meeting(), Meeting()]), "q", DOCUMENTS)) == 3


async def test_the_first_failure_stops_the_others_and_comes_out_as_it_is():
    slow = Sleeping(30)
    with anyio.fail_after(10), pytest.raises(ServerError):
        await rerank(Fused([slow, Failing(ServerError("x", status=500))]), "q", DOCUMENTS, max_retries=0)
    assert slow.cancelled == 1


async def test_one_abort_stops_all_models():
    flag, models = Flag(), [Sleeping(30), Sleeping(30)]

    async def abort() -> None:
        await anyio.sleep(0.02)
        flag.set()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(abort)
            with pytest.raises(RerankAbortedError):
                await rerank(Fused(models), "q", DOCUMENTS, abort_event=flag)
    assert [model.cancelled for model in models] == [1, 1]


async def test_a_model_out_of_time_is_left_out_with_a_warning():
    options = DoRerankOptions("q", tuple(DOCUMENTS), deadline=0.3)
    with anyio.fail_after(10):
        answer = await call_model(Fused([Scoring(), Sleeping(30)]), options)
    assert [item.index for item in answer.results] == [0, 2, 1]
    assert [warning.type for warning in answer.warnings] == ["stage_cut_short"]


async def test_all_models_out_of_time_give_the_callers_order():
    with anyio.fail_after(10):
        result = await rerank(Fused([Sleeping(30), Sleeping(30)]), "q", DOCUMENTS, deadline=0.05)
    assert [hit.index for hit in result] == [0, 1, 2]
    assert [warning.type for warning in result.warnings] == ["deadline_exceeded"]


async def test_usage_stands_in_the_order_of_the_models():
    slow = Sleeping(0.05, name="slow")
    quick = Scoring(name="quick", usage=RerankUsage(input_tokens=5))
    usage = (await rerank(Fused([slow, quick]), "q", DOCUMENTS)).usage
    assert [stage.model_id for stage in usage.stages] == ["slow", "quick"]
    assert (usage.input_tokens, usage.tokens_estimated) == (5, True)


async def test_ordinal_scores_cannot_be_added():
    with pytest.raises(InvalidRequestError, match="ordinal"):
        Fused([Scoring(), Identity()], method="weighted")


async def test_logits_and_probabilities_cannot_be_added_as_they_are():
    models = [Scoring(score_kind="logit"), Scoring(score_kind="probability")]
    with pytest.raises(InvalidRequestError, match=r"logit.*probability"):
        Fused(models, method="weighted")
    assert Fused(models, method="weighted", normalize="z").score_kind == "unknown"


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "sum"},
        {"weights": [1]},
        {"weights": [1, 0]},
        {"weights": [1, float("nan")]},
        {"k": -1},
        {"normalize": "softmax"},
        {"normalize": "z", "method": "rrf"},
        {"k": 10, "method": "weighted"},
    ],
)
async def test_settings_out_of_range_or_without_effect_are_refused(settings):
    with pytest.raises(InvalidRequestError, match=next(iter(settings))):
        Fused([Scoring(), Scoring()], **settings)


async def test_one_model_is_no_fusion():
    with pytest.raises(InvalidRequestError, match="models"):
        Fused([Scoring()])


async def test_retrieved_without_scores_says_what_to_pass():
    with pytest.raises(InvalidRequestError, match="first_stage_scores"):
        await rerank(Retrieved(), "q", DOCUMENTS)


async def test_retrieved_takes_scores_of_its_own():
    result = await rerank(Retrieved([1, 3, 2]), "q", DOCUMENTS, first_stage_scores=[9, 9, 9.5])
    assert [hit.index for hit in result] == [1, 2, 0]


async def test_retrieved_refuses_scores_that_do_not_fit():
    with pytest.raises(InvalidRequestError, match="2 scores for 3 documents"):
        await rerank(Retrieved([1, 2]), "q", DOCUMENTS)
    with pytest.raises(InvalidRequestError, match=r"scores\[1\]"):
        Retrieved([1.0, float("inf")])


class Saying(Scoring):
    """Gives one answer."""

    def __init__(self, *results: ScoredIndex):
        super().__init__(score_kind="probability")
        self.results = results

    async def do_rerank(self, options):
        return DoRerankResult(list(self.results))


@pytest.mark.parametrize("method", ["rrf", "weighted"])
async def test_what_any_model_read_only_the_beginning_of_is_truncated(method):
    whole = Saying(*(ScoredIndex(index, 0.5) for index in range(3)))
    cut = Saying(ScoredIndex(0, 0.5), ScoredIndex(1, 0.4, truncated=True), ScoredIndex(2, 0.3))
    result = await rerank(Fused([whole, cut], method=method), "q", DOCUMENTS)
    assert {hit.index: hit.truncated for hit in result} == {0: False, 1: True, 2: False}


async def test_what_a_model_put_lower_or_not_every_model_scored_stands_below_by_weighted_scores():
    lower = Saying(ScoredIndex(0, 0.9, tier=1), ScoredIndex(1, 0.2), ScoredIndex(2, 0.3))
    partly = Saying(ScoredIndex(0, 0.9), ScoredIndex(1, 0.2), *unscored([2]))
    result = await rerank(Fused([lower, partly], method="weighted"), "q", DOCUMENTS)
    assert [(hit.index, hit.tier) for hit in result] == [(1, 0), (0, 1), (2, 2)]
    assert [hit.score for hit in result] == pytest.approx([0.2, 0.9, 0.3])


async def test_by_ranks_all_stand_in_one_tier_but_what_nobody_scored():
    partly = Saying(ScoredIndex(0, 0.9), ScoredIndex(1, 0.2), *unscored([2]))
    result = await rerank(Fused([partly, partly]), "q", DOCUMENTS)
    assert [(hit.index, hit.tier) for hit in result] == [(0, 0), (1, 0), (2, UNSCORED_TIER)]
