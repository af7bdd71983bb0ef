"""Whatever a wrapper does with an answer, a model that gives none in time leaves the caller's order."""

from __future__ import annotations

import anyio
import pytest

from localrank import DoRerankOptions
from localrank.providers.calls import call_model
from localrank.providers.unscored import UNSCORED_TIER
from tests.support.small_models import Sleeping
from tests.support.wrappers import AROUND_ONE

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("wrapper", sorted(set(AROUND_ONE) - {"traced", "wrapped"}))
async def test_a_model_that_does_not_answer_in_time_leaves_the_callers_order(wrapper):
    documents = ("one two three four five six seven eight", "two", "three")
    with anyio.fail_after(10):
        answer = await call_model(
            AROUND_ONE[wrapper](Sleeping(30)), DoRerankOptions("q", documents, deadline=0.1)
        )
    assert [(item.index, item.score, item.tier) for item in answer.results] == [
        (index, 0.0, UNSCORED_TIER) for index in range(3)
    ]
    assert {warning.type for warning in answer.warnings} == {"deadline_exceeded"}
