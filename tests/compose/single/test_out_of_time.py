"""Whatever a wrapper does with an answer, a model that gives none in time leaves the caller's order."""

from __future__ import annotations

import anyio
import pytest

from localrank import Batched, Cached, Calibrated, Chunked, Diversified, DoRerankOptions, Limited, When
from localrank.compose.single.calibration import fit_calibration
from localrank.providers.calls import call_model
from localrank.providers.unscored import UNSCORED_TIER
from tests.support.small_models import Sleeping

pytestmark = pytest.mark.anyio

WRAPPERS = {
    "batched": lambda model: Batched(model, max_documents=2),
    "cached": Cached,
    "calibrated": lambda model: Calibrated(model, fit_calibration([1.0, 2.0], [False, True])),
    "chunked": lambda model: Chunked(model, chunk_tokens=4),
    "diversified": Diversified,
    "limited": lambda model: Limited(model, concurrency=1),
    "when": lambda model: When(model, min_documents=1),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
async def test_a_model_that_does_not_answer_in_time_leaves_the_callers_order(wrapper):
    documents = ("one two three four five six seven eight", "two", "three")
    with anyio.fail_after(10):
        answer = await call_model(
            WRAPPERS[wrapper](Sleeping(30)), DoRerankOptions("q", documents, deadline=0.1)
        )
    assert [(item.index, item.score, item.tier) for item in answer.results] == [
        (index, 0.0, UNSCORED_TIER) for index in range(3)
    ]
    assert {warning.type for warning in answer.warnings} == {"deadline_exceeded"}
