"""What a wrapper says of the calls behind its answer: time, response, and how much the deadline left."""

from __future__ import annotations

import pytest

from localrank import DoRerankOptions, DoRerankResult, RerankResponse, ScoredIndex
from localrank.compose.wrapping.stages import Stages
from localrank.providers.unscored import unscored
from tests.support.small_models import Scoring, Sleeping

pytestmark = pytest.mark.anyio

OPTIONS = DoRerankOptions("q", ("a", "b", "c"))


class Responding(Scoring):
    def __init__(self, response: RerankResponse | None):
        super().__init__()
        self.response = response

    async def do_rerank(self, options):
        return DoRerankResult([], response=self.response)


async def test_a_stage_that_does_not_say_how_long_it_took_is_timed_in_milliseconds():
    stages = Stages(OPTIONS, "test")
    await stages.call(Sleeping(0.05), OPTIONS)
    [line] = stages.answer([]).usage.stages
    assert 49 <= line.usage.duration_ms < 30_000


async def test_the_last_response_that_there_is_stays():
    first, second = RerankResponse("one"), RerankResponse("two")
    stages = Stages(OPTIONS, "test")
    for response, kept in [(first, first), (None, first), (second, second)]:
        await stages.call(Responding(response), OPTIONS)
        assert stages.answer([]).response is kept


@pytest.mark.parametrize(("left_out", "said"), [([], "stage_cut_short"), ([2], "after 2 of 3 documents")])
async def test_a_deadline_says_how_many_it_left_out_or_that_a_stage_is_missing(left_out, said):
    stages = Stages(OPTIONS, "test")
    stages.cut = True
    scored = [ScoredIndex(index, 0.5) for index in range(3) if index not in left_out]
    [warning] = stages.answer([*scored, *unscored(left_out)]).warnings
    assert said in f"{warning.type}: {warning.message}"
