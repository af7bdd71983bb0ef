"""Hooks hear of a call, sync or async, and can never break it."""

from __future__ import annotations

import logging
import threading
from typing import Any

import anyio
import anyio.to_thread
import pytest

from localrank import (
    CallEnded,
    CallFailed,
    CallProgress,
    CallStarted,
    DoRerankOptions,
    DoRerankResult,
    InferenceError,
    ScoredIndex,
    rerank,
)
from localrank.testing import LexicalReranker, MockReranker

pytestmark = pytest.mark.anyio


def hooks(hear: Any) -> dict[str, Any]:
    return {"on_start": hear, "on_end": hear, "on_error": hear, "on_progress": hear}


async def test_a_call_that_succeeds_starts_and_ends() -> None:
    heard: list[Any] = []

    result = await rerank(MockReranker(), "q", ["a", "b"], 1, on_start=heard.append, on_end=heard.append)

    started, ended = heard
    assert (type(started), started.document_count, started.top_k) == (CallStarted, 2, 1)
    assert type(ended) is CallEnded
    assert ended.result is result


async def test_a_call_that_fails_starts_and_fails_once() -> None:
    heard: list[Any] = []
    error = InferenceError("no")

    with pytest.raises(InferenceError):
        await rerank(MockReranker([error]), "q", ["a"], **hooks(heard.append))

    assert [type(event) for event in heard] == [CallStarted, CallFailed]
    assert heard[1].error is error


async def test_a_call_without_documents_has_the_same_events() -> None:
    heard: list[Any] = []

    await rerank(MockReranker(), "q", [], **hooks(heard.append))

    assert [type(event) for event in heard] == [CallStarted, CallEnded]
    assert heard[0].document_count == 0


async def test_retries_are_one_call() -> None:
    heard: list[Any] = []

    await rerank(MockReranker([RuntimeError("?")]), "q", ["a"], **hooks(heard.append))

    assert [type(event) for event in heard] == [CallStarted, CallEnded]


async def test_all_events_of_a_call_carry_its_id_and_names_and_two_calls_differ() -> None:
    heard: list[Any] = []

    for _ in range(2):
        await rerank(LexicalReranker(), "q", ["a"], **hooks(heard.append))

    first, second = {event.call_id for event in heard[:3]}, {event.call_id for event in heard[3:]}
    assert (len(first), len(second), len(first | second)) == (1, 1, 2)
    assert {(event.provider, event.model_id) for event in heard} == {("lexical", "default")}


async def test_an_async_hook_is_awaited_before_the_call_goes_on() -> None:
    heard: list[str] = []
    model = MockReranker()

    async def on_start(event: CallStarted) -> None:
        await anyio.sleep(0.002)
        heard.append(f"started before {len(model.calls)} calls")

    async def on_end(event: CallEnded) -> None:
        await anyio.sleep(0.002)
        heard.append("ended")

    await rerank(model, "q", ["a"], on_start=on_start, on_end=on_end)

    assert heard == ["started before 0 calls", "ended"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_failing_hook_is_logged_and_breaks_nothing(is_async: bool, caplog: Any) -> None:
    def fail(event: object) -> None:
        raise ValueError("a bug in the hook")

    async def fail_later(event: object) -> None:
        raise ValueError("a bug in the hook")

    with caplog.at_level(logging.WARNING, "localrank"):
        result = await rerank(
            LexicalReranker(), "q", ["a secret document"], **hooks(fail_later if is_async else fail)
        )

    assert len(result) == 1
    assert [record.message for record in caplog.records] == [
        f"A hook for {name} failed." for name in ("CallStarted", "CallProgress", "CallEnded")
    ]
    assert "a secret document" not in caplog.text


async def test_a_failing_error_hook_leaves_the_models_error() -> None:
    def fail(event: object) -> None:
        raise ValueError("a bug in the hook")

    with pytest.raises(InferenceError):
        await rerank(MockReranker([InferenceError("no")]), "q", ["a"], on_error=fail)


async def test_progress_reported_from_a_thread_is_heard_in_the_event_loop_up_to_the_last() -> None:
    heard: list[tuple[int, int]] = []
    threads = set()

    class Slow:
        model_id = "slow"
        provider = "test"

        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            for done in (1, 2):
                await anyio.to_thread.run_sync(options.report_progress, done, 2)
                await anyio.sleep(0.015 if done == 1 else 0)
            return DoRerankResult([ScoredIndex(0, 0.5), ScoredIndex(1, 0.5)])

    def on_progress(event: CallProgress) -> None:
        threads.add(threading.get_ident())
        heard.append((event.done, event.total))

    await rerank(Slow(), "q", ["a", "b"], on_progress=on_progress)

    assert heard == [(1, 2), (2, 2)]
    assert threads == {threading.get_ident()}


async def test_progress_comes_before_the_end() -> None:
    heard: list[Any] = []

    await rerank(LexicalReranker(), "q", ["a"], **hooks(heard.append))

    assert [type(event) for event in heard] == [CallStarted, CallProgress, CallEnded]
