"""A long list in parts: one after the other, as one answer; a deadline keeps the parts that are done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    RerankAbortedError,
    RerankUsage,
    RerankWarning,
    ScoredIndex,
    StageUsage,
)
from localrank.providers.calls import call_model
from localrank.testing import MockReranker

pytestmark = pytest.mark.anyio


class Parts:
    """Scores a document by its number; notes what it was asked."""

    model_id, provider, documents_at_once = "parts", "test", 4

    def __init__(self) -> None:
        self.asked: list[DoRerankOptions] = []

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        self.asked.append(options)
        options.report_progress(len(options.documents), len(options.documents))
        usage = RerankUsage(input_tokens=len(options.documents), api_calls=1)
        return DoRerankResult(
            [ScoredIndex(index, float(text)) for index, text in enumerate(options.documents)],
            usage=RerankUsage(
                input_tokens=usage.input_tokens, api_calls=1, stages=(StageUsage("a", "b", usage),)
            ),
            warnings=[RerankWarning("odd", "said once")],
        )


DOCUMENTS = tuple(map(str, range(10)))


async def test_the_parts_make_one_answer() -> None:
    model, told = Parts(), list[tuple[int, int]]()
    options = DoRerankOptions(
        "q",
        DOCUMENTS,
        top_k=3,
        first_stage_scores=tuple(map(float, range(10))),
        report_progress=lambda *one: told.append(one),
    )
    answer = await call_model(model, options)

    assert [len(one.documents) for one in model.asked] == [3, 3, 4]
    assert [item.index for item in answer.results] == [9, 8, 7]
    assert model.asked[2].first_stage_scores == (6.0, 7.0, 8.0, 9.0)
    assert told == [(3, 10), (6, 10), (10, 10)]
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.api_calls, len(answer.usage.stages)) == (10, 3, 1)
    assert [warning.type for warning in answer.warnings] == ["odd"]


async def test_a_short_list_is_handed_over_as_it_is() -> None:
    model = Parts()
    options = DoRerankOptions("q", DOCUMENTS[:4])
    await call_model(model, options)

    assert model.asked == [options]


async def test_a_listwise_model_sees_the_whole_list() -> None:
    model = Parts()
    model.scores_comparable = False  # type: ignore[attr-defined]
    await call_model(model, DoRerankOptions("q", DOCUMENTS))

    assert len(model.asked) == 1


async def test_a_deadline_keeps_the_parts_that_are_done() -> None:
    class Late(Parts):
        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            if len(self.asked) == 1:
                return await MockReranker(delay=60).do_rerank(options)
            return await super().do_rerank(options)

    answer = await call_model(Late(), DoRerankOptions("q", DOCUMENTS, top_k=4, deadline=0.05))

    assert [item.index for item in answer.results] == [2, 1, 0, 3]
    assert [warning.type for warning in answer.warnings] == ["odd", "deadline_exceeded"]
    assert "after 3 of 10" in answer.warnings[1].message


async def test_an_abort_is_heard_between_parts() -> None:
    model = Parts()

    class Token:
        def is_set(self) -> bool:
            return len(model.asked) == 2

    with pytest.raises(RerankAbortedError):
        await call_model(model, DoRerankOptions("q", DOCUMENTS, abort_event=Token()))
    assert len(model.asked) == 2


async def test_tokens_of_which_a_part_says_nothing_are_an_estimate() -> None:
    class Forgets(Parts):
        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            answer = await super().do_rerank(options)
            return replace(answer, usage=None) if len(self.asked) == 2 else answer

    usage = (await call_model(Forgets(), DoRerankOptions("q", DOCUMENTS))).usage

    assert usage is not None
    assert (usage.input_tokens, usage.tokens_estimated) == (7, True)
