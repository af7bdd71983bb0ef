"""What holds over several wrappers at once: abort, deadline, retries, usage, with real models inside."""

from __future__ import annotations

import threading

import anyio
import pytest

from localrank import (
    Cached,
    Cascade,
    Chunked,
    DoRerankOptions,
    Fallback,
    Fused,
    Identity,
    Limited,
    RerankAbortedError,
    RerankUsage,
    RetryPolicy,
    ServerError,
    rerank,
    rerank_sync,
)
from localrank.compose.wrapping.stages import MARGIN_S
from localrank.providers.calls import call_model
from localrank.testing import LexicalReranker
from localrank_transformers import OnnxReranker
from tests.support.small_models import Failing, Scoring
from tests.transformers.rerankers.test_onnx import slowed

pytestmark = pytest.mark.anyio

MANY = [f"Passage {number} speaks of the river and of the boats on it. " * 20 for number in range(300)]


@pytest.fixture(scope="module")
def embedded():
    model = OnnxReranker()
    yield model
    model.close()


def nest(model) -> Cascade:
    return Cascade(
        LexicalReranker(),
        Fallback(Fused([Cached(Chunked(model, chunk_tokens=64)), LexicalReranker()]), Identity()),
        keep=250,
    )


async def test_one_abort_stops_the_computation_three_wrappers_deep(embedded):
    await embedded.warm_up()
    event = threading.Event()
    timer = threading.Timer(0.3, event.set)
    timer.start()
    with pytest.raises(RerankAbortedError) as caught:
        await rerank(nest(embedded), "Where do boats sail?", MANY, abort_event=event)
    assert caught.value.phase == "in_call"
    timer.join()
    assert len(await rerank(embedded, "Where do boats sail?", MANY[:2])) == 2


async def test_one_deadline_covers_three_wrappers(embedded, monkeypatch):
    await embedded.warm_up()
    slowed(monkeypatch, embedded)
    options = DoRerankOptions("Where do boats sail?", tuple(MANY), deadline=0.6)
    with anyio.fail_after(30):
        answer = await call_model(nest(embedded), options)
    assert len(answer.results) == len(MANY)
    assert {"deadline_exceeded", "stage_cut_short"} & {warning.type for warning in answer.warnings}
    assert all(item.metadata.get("scored", True) for item in answer.results)


async def test_each_nesting_leaves_the_inner_one_to_end_first():
    inner = Scoring()
    await rerank(Fallback(Limited(Fallback(inner), concurrency=1)), "q", ["a"], deadline=5.0)
    assert inner.calls[0].deadline <= 5.0 - 3 * MARGIN_S


async def test_retries_multiply_nothing():
    inner = Failing(ServerError("x", status=500))
    model = Cascade(
        Scoring(), Fused([Limited(Fallback(inner, failure_threshold=99), concurrency=1), Scoring()])
    )
    with pytest.raises(Exception, match="3 attempts failed"):
        await rerank(model, "q", ["a"], retry=RetryPolicy(initial_delay=0.0))
    assert len(inner.calls) == 3


async def test_usage_is_a_tree_whose_sums_agree():
    inner = Scoring(usage=RerankUsage(input_tokens=7, api_calls=1))
    usage = (await rerank(Cascade(Cached(inner), Fused([inner, inner]), keep=2), "q", ["a", "bb"])).usage
    assert (usage.input_tokens, usage.api_calls) == (21, 3)
    assert [stage.provider for stage in usage.stages] == ["cached", "fused"]
    assert [len(stage.usage.stages) for stage in usage.stages] == [1, 2]


async def test_one_object_serves_event_loops_and_rerank_sync_at_once(embedded):
    model = nest(embedded)
    expected = [hit.index for hit in await rerank(model, "boats", MANY[:6])]
    rankings: list[list[int]] = []

    async def sync() -> None:
        result = await anyio.to_thread.run_sync(rerank_sync, model, "boats", MANY[:6])
        rankings.append([hit.index for hit in result])

    async def loop() -> None:
        rankings.append([hit.index for hit in await rerank(model, "boats", MANY[:6])])

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(sync)
            group.start_soon(loop)
    assert rankings == [expected] * 6
