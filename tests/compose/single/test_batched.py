"""Long lists in batches."""

from __future__ import annotations

import anyio
import pytest

from localrank import (
    Batched,
    DoRerankOptions,
    Identity,
    InvalidRequestError,
    RerankUsage,
    ServerError,
    rerank,
)
from localrank.providers.calls import call_model
from tests.support.small_models import Listwise, Scoring, Sleeping

pytestmark = pytest.mark.anyio

DOCUMENTS = ["x" * (number % 7 + 1) for number in range(10)]


async def test_no_call_holds_more_than_max_documents_and_the_ranking_is_the_same():
    inner = Scoring()
    result = await rerank(Batched(inner, max_documents=4), "q", DOCUMENTS)
    assert sorted(map(len, inner.asked)) == [3, 3, 4]
    plain = await rerank(Scoring(), "q", DOCUMENTS)
    assert [(hit.index, hit.score) for hit in result] == [(hit.index, hit.score) for hit in plain]


async def test_usage_is_summed_over_the_batches():
    inner = Scoring(usage=RerankUsage(input_tokens=5, api_calls=1))
    usage = (await rerank(Batched(inner, max_documents=4), "q", DOCUMENTS)).usage
    assert (usage.input_tokens, usage.api_calls, len(usage.stages)) == (15, 3, 3)


async def test_at_most_max_parallel_calls_run_at_once():
    class Counting(Scoring):
        inside = most = 0

        async def do_rerank(self, options):
            self.inside += 1
            self.most = max(self.most, self.inside)
            await anyio.sleep(0.01)
            self.inside -= 1
            return await super().do_rerank(options)

    inner = Counting()
    await rerank(Batched(inner, max_documents=1, max_parallel=3), "q", DOCUMENTS)
    assert inner.most == 3


async def test_top_k_is_taken_over_all_batches():
    result = await rerank(Batched(Scoring(), max_documents=3), "q", DOCUMENTS, top_k=3)
    assert [hit.index for hit in result] == [6, 5, 4]


async def test_first_stage_scores_and_objects_are_cut_with_the_documents():
    inner = Scoring()
    inner.accepts_objects = True
    documents = [{"text": text} for text in DOCUMENTS]
    await rerank(
        Batched(inner, max_documents=5, max_parallel=1), "q", documents, first_stage_scores=list(range(10))
    )
    assert inner.calls[1].first_stage_scores == (5.0, 6.0, 7.0, 8.0, 9.0)
    assert inner.calls[1].objects == tuple(documents[5:])


async def test_the_first_failure_stops_the_other_batches():
    class Second(Sleeping):
        async def do_rerank(self, options):
            if options.first_stage_scores[0] == 5.0:
                raise ServerError("x", status=500)
            return await super().do_rerank(options)

    inner = Second(30)
    with anyio.fail_after(10), pytest.raises(ServerError):
        await rerank(
            Batched(inner, max_documents=5),
            "q",
            DOCUMENTS,
            first_stage_scores=list(range(10)),
            max_retries=0,
        )
    assert inner.cancelled == 1


async def test_the_deadline_covers_all_batches_with_one_warning():
    class FirstOnly(Sleeping):
        async def do_rerank(self, options):
            self.seconds = 30 if self.calls else 0
            return await super().do_rerank(options)

    options = DoRerankOptions("q", tuple(DOCUMENTS), deadline=0.3)
    with anyio.fail_after(10):
        answer = await call_model(Batched(FirstOnly(0), max_documents=2, max_parallel=1), options)
    scored = [item for item in answer.results if not item.tier]
    assert (len(scored), len(answer.results)) == (2, 10)
    assert [warning.type for warning in answer.warnings] == ["deadline_exceeded"]


async def test_progress_rises_to_the_whole():
    told: list[tuple[int, int]] = []
    options = DoRerankOptions("q", tuple(DOCUMENTS), report_progress=lambda *figures: told.append(figures))
    await Batched(Scoring(), max_documents=5, max_parallel=1).do_rerank(options)
    assert told == [(5, 10), (10, 10)]


@pytest.mark.parametrize("model", [Listwise(), Identity()])
async def test_models_that_must_see_the_whole_list_are_refused(model):
    with pytest.raises(InvalidRequestError, match="cannot be compared"):
        Batched(model, max_documents=2)


@pytest.mark.parametrize("settings", [{"max_documents": 0}, {"max_documents": 2, "max_parallel": 0}])
async def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(InvalidRequestError, match="max_documents"):
        Batched(Scoring(), **settings)
