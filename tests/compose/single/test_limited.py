"""Limits: how many at once, how many a time, in what order, and how waiting ends."""

from __future__ import annotations

import anyio
import pytest

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    InvalidRequestError,
    Limited,
    RateLimitError,
    RerankAbortedError,
    RerankUsage,
    ServerError,
    rerank,
    rerank_sync,
)
from tests.support.small_models import Clock, Failing, Flag, Listwise, Scoring

pytestmark = pytest.mark.anyio


class Counting(Scoring):
    """Notes how many calls are inside at once, and when each begins."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self.clock = clock or Clock()
        self.inside = self.most = 0
        self.begun: list[float] = []
        self.order: list[str] = []

    async def do_rerank(self, options) -> DoRerankResult:
        self.begun.append(round(self.clock(), 6))
        self.order.append(options.query)
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await anyio.sleep(0.01)
            return await super().do_rerank(options)
        finally:
            self.inside -= 1


class Held(Scoring):
    """Keeps every call inside until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.release = anyio.Event(), anyio.Event()

    async def do_rerank(self, options) -> DoRerankResult:
        self.begun.set()
        await self.release.wait()
        return await super().do_rerank(options)


async def waiting(model: Limited, count: int) -> None:
    while len(model._gate._waiting) < count:
        await anyio.sleep(0.001)


async def many(model, count: int) -> None:
    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(rerank, model, str(number), ["a"])


async def test_no_more_than_concurrency_calls_are_inside():
    inner = Counting()
    await many(Limited(inner, concurrency=2), 7)
    assert (inner.most, len(inner.begun)) == (2, 7)


async def test_calls_go_in_the_order_they_came():
    inner = Counting()
    model = Limited(inner, concurrency=1)
    async with anyio.create_task_group() as group:
        for number in range(6):
            group.start_soon(rerank, model, str(number), ["a"])
            await anyio.sleep(0.002)
    assert inner.order == ["0", "1", "2", "3", "4", "5"]


async def test_a_rate_spaces_the_calls_evenly():
    clock = Clock()
    inner = Counting(clock)
    model = Limited(inner, rate=4, now=clock, sleep=clock.sleep)
    for _ in range(4):
        await rerank(model, "q", ["a"])
    assert inner.begun == pytest.approx([0.0, 0.25, 0.5, 0.75], abs=1e-6)


async def test_tokens_a_minute_are_guessed_from_the_texts():
    clock = Clock()
    inner = Counting(clock)
    model = Limited(inner, tokens_per_minute=60, now=clock, sleep=clock.sleep)
    for _ in range(3):  # (4 + 116) / 4 = 30 tokens each
        await rerank(model, "qqqq", ["x" * 116])
    assert inner.begun == pytest.approx([0.0, 0.0, 30.0], abs=0.01)


async def test_the_answers_own_count_puts_the_guess_right():
    clock = Clock()
    inner = Scoring(usage=RerankUsage(input_tokens=90))
    model = Limited(inner, tokens_per_minute=60, now=clock, sleep=clock.sleep)
    await rerank(model, "qqqq", ["x" * 116])
    await rerank(model, "qqqq", ["x" * 116])
    assert clock() == pytest.approx(60.0, abs=0.01)


async def test_a_call_larger_than_the_bucket_goes_when_it_is_full():
    clock = Clock()
    inner = Counting(clock)
    model = Limited(inner, tokens_per_minute=60, now=clock, sleep=clock.sleep)
    await rerank(model, "q", ["x" * 479])
    await rerank(model, "q", ["x" * 39])
    assert inner.begun == pytest.approx([0.0, 70.0], abs=0.01)


async def test_a_rate_limit_error_holds_everyone_back_as_long_as_the_server_asks():
    clock = Clock()
    inner = Failing(RateLimitError("slow down", status=429, retry_after=7.0), None)
    model = Limited(inner, concurrency=3, now=clock, sleep=clock.sleep)
    with pytest.raises(RateLimitError):
        await rerank(model, "q", ["a"], max_retries=0)
    await rerank(model, "q", ["a"])
    assert clock() == pytest.approx(7.0, abs=0.01)


async def test_an_abort_ends_the_wait_and_gives_the_place_to_the_next():
    held, flag = Held(), Flag()
    model = Limited(held, concurrency=1)
    served: list[str] = []

    async def call(query: str, token=None) -> None:
        try:
            await rerank(model, query, ["a"], abort_event=token)
            served.append(query)
        except RerankAbortedError:
            served.append("aborted")

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(call, "first")
            await held.begun.wait()
            group.start_soon(call, "second", flag)
            await waiting(model, 1)
            group.start_soon(call, "third")
            await waiting(model, 2)
            flag.set()
            while not served:
                await anyio.sleep(0.001)
            held.release.set()
    assert served == ["aborted", "first", "third"]


async def test_the_model_itself_says_that_it_was_waiting():
    held, flag = Held(), Flag()
    model = Limited(held, concurrency=1)

    async with anyio.create_task_group() as group:
        group.start_soon(rerank, model, "q", ["a"])
        await held.begun.wait()
        flag.set()
        with pytest.raises(RerankAbortedError) as caught:
            await model.do_rerank(DoRerankOptions("q", ("a",), abort_event=flag))
        held.release.set()
    assert caught.value.phase == "waiting"


async def test_a_cancelled_wait_gives_the_place_to_the_next():
    held = Held()
    model = Limited(held, concurrency=1)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(rerank, model, "first", ["a"])
            await held.begun.wait()
            with anyio.move_on_after(0.02) as scope:
                await rerank(model, "second", ["a"])
            assert scope.cancelled_caught
            held.release.set()
            await rerank(model, "third", ["a"])
    assert [call.query for call in held.calls] == ["first", "third"]


async def test_a_deadline_that_passes_while_waiting_gives_the_callers_order():
    held = Held()
    model = Limited(held, concurrency=1)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(rerank, model, "first", ["a"])
            await held.begun.wait()
            result = await rerank(model, "second", ["a", "bb"], deadline=0.05)
            held.release.set()
    assert [hit.index for hit in result] == [0, 1]
    assert [warning.type for warning in result.warnings] == ["deadline_exceeded"]


async def test_a_failed_call_gives_its_place_back():
    model = Limited(Failing(ServerError("x", status=500), None), concurrency=1)
    with pytest.raises(ServerError):
        await rerank(model, "q", ["a"], max_retries=0)
    with anyio.fail_after(10):
        assert len(await rerank(model, "q", ["a"])) == 1


async def test_event_loops_and_threads_are_limited_together():
    inner = Counting()
    model = Limited(inner, concurrency=2)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(rerank, model, str(number), ["a"])
                group.start_soon(anyio.to_thread.run_sync, rerank_sync, model, str(number), ["a"])
    assert len(inner.begun) == 10
    assert inner.most <= 2


async def test_it_passes_the_model_through():
    model = Limited(Listwise(), concurrency=1)
    assert (model.scores_comparable, model.fingerprint) == (False, "small:scoring")


@pytest.mark.parametrize("limits", [{"rate": 0}, {"concurrency": -1}, {"tokens_per_minute": float("inf")}])
async def test_limits_out_of_range_are_refused(limits):
    with pytest.raises(InvalidRequestError, match=next(iter(limits))):
        Limited(Scoring(), **limits)


async def test_no_limit_at_all_is_refused():
    with pytest.raises(InvalidRequestError, match="no limit"):
        Limited(Scoring())
