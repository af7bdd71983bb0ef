"""A call that its host cancels is cancelled, whatever its model raises, and no other is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    InferenceError,
    rerank,
    rerank_as_completed,
    rerank_many,
)
from localrank.testing import MockReranker

pytestmark = pytest.mark.anyio

PAIRS = [("q", ["a", "b"])] * 3


class Failing:
    """Fails when it is cancelled, alone or in a task group of its own."""

    provider = "test"
    model_id = "failing"

    def __init__(self, in_group: bool) -> None:
        self.in_group = in_group

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        if not self.in_group:
            await self._wait()
        async with anyio.create_task_group() as group:
            group.start_soon(self._wait)
            await anyio.sleep_forever()
        raise AssertionError

    async def _wait(self) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise OSError("on the way out")


class Cancelled:
    """Awaits a task of its own that was cancelled."""

    provider = "test"
    model_id = "cancelled"

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        await task
        raise AssertionError


async def one(model: Failing | Cancelled) -> None:
    await rerank(model, "q", ["a"])


async def many(model: Failing | Cancelled) -> None:
    await rerank_many(model, PAIRS)


async def as_completed(model: Failing) -> None:
    async with rerank_as_completed(model, PAIRS):
        await anyio.sleep_forever()


CALLS = pytest.mark.parametrize("call", [one, many, as_completed])


@CALLS
@pytest.mark.parametrize("in_group", [False, True])
async def test_the_scope_of_the_host_catches_its_cancellation(
    call: Callable[[Failing], Awaitable[None]], in_group: bool
) -> None:
    with anyio.move_on_after(0.01) as scope:
        await call(Failing(in_group))

    assert scope.cancelled_caught


@CALLS
@pytest.mark.parametrize("in_group", [False, True])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancelled_task_ends_cancelled(
    call: Callable[[Failing], Awaitable[None]], in_group: bool
) -> None:
    task = asyncio.ensure_future(call(Failing(in_group)))
    await anyio.wait_all_tasks_blocked()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("call", [one, many])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_model_that_was_cancelled_from_within_failed(
    call: Callable[[Cancelled], Awaitable[None]],
) -> None:
    with pytest.raises(InferenceError, match=r"test:cancelled raised CancelledError, and nobody cancelled"):
        await call(Cancelled())


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_every_pair_whose_model_was_cancelled_from_within_has_its_answer() -> None:
    async with rerank_as_completed(Cancelled(), PAIRS) as answers:
        found = [(position, type(answer)) async for position, answer in answers]

    assert sorted(found) == [(position, InferenceError) for position in range(3)]


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(3), ExceptionGroup("of the caller", [KeyError()])]
)
async def test_what_the_caller_raises_in_the_block_is_raised_as_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        async with rerank_as_completed(MockReranker(), PAIRS):
            raise error

    assert caught.value is error
