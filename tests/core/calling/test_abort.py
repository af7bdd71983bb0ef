"""Abort: one error in every phase, whichever event it is and whoever sets it; the host's cancellation stays the host's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread
import pytest
import trio

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    RerankAbortedError,
    RerankTimeoutError,
    RetryPolicy,
    ScoredIndex,
    ServerError,
    rerank,
)
from localrank.testing import MockReranker
from tests.support.cancelled_work import fails_while_it_is_cancelled

pytestmark = pytest.mark.anyio


class CustomToken:
    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set


EVENTS = [anyio.Event, asyncio.Event, trio.Event, threading.Event, CustomToken]


class Stubborn:
    """Runs `step` and answers; looks at no token."""

    model_id = "stubborn"
    provider = "test"

    def __init__(self, step: Callable[[], Any]) -> None:
        self.step = step
        self.calls = 0

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        self.calls += 1
        await self.step()
        return DoRerankResult([ScoredIndex(i, 0.5) for i in range(len(options.documents))])


async def set_after(token: Any, seconds: float) -> None:
    await anyio.sleep(seconds)
    token.set()


@pytest.mark.parametrize("make", EVENTS)
@pytest.mark.parametrize("documents", [["a"], []])
async def test_a_token_set_beforehand_stops_the_call_before_the_model(
    make: Any, documents: list[str]
) -> None:
    token, model = make(), MockReranker()
    token.set()

    with pytest.raises(RerankAbortedError) as caught:
        await rerank(model, "q", documents, abort_event=token)

    assert caught.value.phase == "before_start"
    assert model.calls == []


@pytest.mark.parametrize("make", EVENTS)
async def test_a_token_of_any_kind_stops_a_model_that_ignores_it(make: Any) -> None:
    token, model = make(), Stubborn(anyio.sleep_forever)

    async with anyio.create_task_group() as group:
        group.start_soon(set_after, token, 0.01)
        with pytest.raises(RerankAbortedError) as caught:
            await rerank(model, "q", ["a"], abort_event=token)
    assert caught.value.phase == "in_call"
    assert model.calls == 1


@pytest.mark.parametrize("make", [threading.Event, asyncio.Event, CustomToken])
async def test_a_token_may_be_set_from_another_thread(make: Any) -> None:
    token = make()
    timer = threading.Timer(0.02, token.set)
    timer.start()

    with pytest.raises(RerankAbortedError):
        await rerank(Stubborn(anyio.sleep_forever), "q", ["a"], abort_event=token)

    timer.join()


async def test_a_model_that_finishes_after_the_token_was_set_is_still_aborted() -> None:
    token = threading.Event()

    async def finish() -> None:
        token.set()

    with pytest.raises(RerankAbortedError) as caught:
        await rerank(Stubborn(finish), "q", ["a"], abort_event=token)

    assert caught.value.phase == "in_call"


@pytest.mark.parametrize(
    "failure", [RuntimeError("the engine was stopped"), ValueError("no"), ServerError("down")]
)
async def test_a_model_that_fails_because_of_the_token_is_aborted_and_not_retried(failure: Exception) -> None:
    token = threading.Event()

    async def fail() -> None:
        token.set()
        raise failure

    model = Stubborn(fail)
    with pytest.raises(RerankAbortedError):
        await rerank(model, "q", ["a"], abort_event=token)

    assert model.calls == 1


async def test_an_abort_of_the_models_own_is_never_wrapped() -> None:
    model = MockReranker([RuntimeError("once"), RerankAbortedError("My button.", phase="in_call")])

    with pytest.raises(RerankAbortedError, match="My button"):
        await rerank(model, "q", ["a"])


async def test_an_abort_between_attempts_has_the_phase_waiting() -> None:
    token = threading.Event()
    model = MockReranker([ServerError("down")])

    async def sleep(seconds: float) -> None:
        token.set()
        await anyio.sleep_forever()

    with pytest.raises(RerankAbortedError) as caught:
        await rerank(model, "q", ["a"], abort_event=token, retry=RetryPolicy(sleep=sleep))

    assert caught.value.phase == "waiting"
    assert len(model.calls) == 1


async def test_a_token_set_by_the_start_hook_stops_the_call_before_the_model() -> None:
    token, model = threading.Event(), MockReranker()

    with pytest.raises(RerankAbortedError):
        await rerank(model, "q", ["a"], abort_event=token, on_start=lambda event: token.set())

    assert model.calls == []


async def test_a_hook_that_hangs_does_not_delay_an_abort() -> None:
    token = threading.Event()

    async def hang(event: object) -> None:
        token.set()
        await anyio.sleep_forever()

    with pytest.raises(RerankAbortedError):
        await rerank(MockReranker(), "q", ["a"], abort_event=token, on_start=hang)


async def test_the_model_works_after_an_abort() -> None:
    token, model = threading.Event(), MockReranker(delay=0.05)

    with pytest.raises(RerankAbortedError):
        await rerank(model, "q", ["a"], abort_event=token, on_start=lambda event: token.set())

    assert len(await rerank(model, "q", ["a"])) == 1


async def test_an_abort_is_announced_as_a_failure() -> None:
    token, heard = threading.Event(), []

    async def finish() -> None:
        token.set()

    with pytest.raises(RerankAbortedError) as caught:
        await rerank(Stubborn(finish), "q", ["a"], abort_event=token, on_error=heard.append)

    assert [event.error for event in heard] == [caught.value]


async def test_a_token_that_fails_raises_its_own_error() -> None:
    class Broken:
        readings = 0

        def is_set(self) -> bool:
            self.readings += 1
            if self.readings > 2:
                raise OSError("the remote flag is gone")
            return False

    with pytest.raises(OSError, match="the remote flag is gone"):
        await rerank(Stubborn(anyio.sleep_forever), "q", ["a"], abort_event=Broken())


async def test_an_abort_is_one_where_the_model_fails_on_its_way_out_too() -> None:
    token = threading.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(set_after, token, 0.01)
        with pytest.raises(RerankAbortedError):
            await rerank(Stubborn(fails_while_it_is_cancelled), "q", ["a"], abort_event=token)


async def test_a_timeout_is_one_where_the_model_fails_on_its_way_out_too() -> None:
    with pytest.raises(RerankTimeoutError):
        await rerank(Stubborn(fails_while_it_is_cancelled), "q", ["a"], timeout=0.01, max_retries=0)


async def test_the_token_of_a_synchronous_model_is_the_callers() -> None:
    token = threading.Event()
    seen = threading.Event()

    class Busy:
        model_id = "busy"
        provider = "test"

        def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
            assert options.abort_event is not None
            while not options.abort_event.is_set():
                threading.Event().wait(0.001)
            seen.set()
            raise RerankAbortedError

    async with anyio.create_task_group() as group:
        group.start_soon(set_after, token, 0.01)
        with pytest.raises(RerankAbortedError):
            await rerank(Busy(), "q", ["a"], abort_event=token)
    assert seen.wait(10)


@pytest.mark.parametrize("with_token", [False, True])
async def test_the_hosts_cancellation_passes_unchanged_and_is_not_retried(with_token: bool) -> None:
    model, heard = Stubborn(anyio.sleep_forever), []
    token = threading.Event() if with_token else None

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(set_after, _Canceller(scope), 0.01)
            try:
                await rerank(model, "q", ["a"], abort_event=token, on_error=heard.append)
            except BaseException as error:
                caught = error
                raise

    assert scope.cancelled_caught
    assert isinstance(caught, anyio.get_cancelled_exc_class())
    assert (model.calls, heard) == (1, [])


class _Canceller:
    def __init__(self, scope: anyio.CancelScope) -> None:
        self.set = scope.cancel


async def test_a_cancelled_synchronous_model_is_told_to_stop() -> None:
    stopped = threading.Event()

    class Busy:
        model_id = "busy"
        provider = "test"

        def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
            assert options.abort_event is not None
            while not options.abort_event.is_set():
                threading.Event().wait(0.001)
            stopped.set()
            return DoRerankResult([])

    with anyio.move_on_after(0.02) as scope:
        await rerank(Busy(), "q", ["a"])

    assert scope.cancelled_caught
    assert stopped.wait(10)


def test_a_cancelled_asyncio_task_ends_with_asyncios_own_error() -> None:
    async def main() -> None:
        task = asyncio.create_task(
            rerank(Stubborn(anyio.sleep_forever), "q", ["a"], abort_event=threading.Event())
        )
        await asyncio.sleep(0.01)
        task.cancel("stop now")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())


def test_asyncios_own_timeout_keeps_its_error() -> None:
    async def main() -> None:
        async with asyncio.timeout(0.01):
            await rerank(Stubborn(anyio.sleep_forever), "q", ["a"], abort_event=threading.Event())

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(main())
    assert type(caught.value) is TimeoutError


def test_trios_own_timeout_keeps_its_error() -> None:
    async def main() -> None:
        with trio.fail_after(0.01):
            await rerank(Stubborn(anyio.sleep_forever), "q", ["a"], abort_event=threading.Event())

    with pytest.raises(trio.TooSlowError):
        trio.run(main)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_what_is_no_exception_is_never_caught_grouped_or_retried(error: type[BaseException]) -> None:
    async def stop() -> None:
        raise error

    model = Stubborn(stop)
    with pytest.raises(error):
        await rerank(model, "q", ["a"], abort_event=threading.Event())

    assert model.calls == 1


async def test_the_models_error_is_never_grouped() -> None:
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await rerank(
            Stubborn(fail), "q", ["a"], abort_event=threading.Event(), on_progress=lambda event: None
        )


async def test_an_abort_during_a_wait_for_a_thread_is_heard() -> None:
    token, release = threading.Event(), threading.Event()

    class Slow:
        model_id = "slow"
        provider = "test"

        def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
            assert release.wait(30)  # looks at no token at all
            return DoRerankResult([])

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(set_after, token, 0.005)
            with anyio.fail_after(10), pytest.raises(RerankAbortedError):
                await rerank(Slow(), "q", ["a"], abort_event=token)
    finally:
        release.set()
