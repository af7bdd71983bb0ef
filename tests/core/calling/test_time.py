"""`timeout` ends in an error, `deadline` in the best ranking so far."""

from __future__ import annotations

import anyio
import pytest
import trio
import trio.testing

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    RerankTimeoutError,
    RetryPolicy,
    ScoredIndex,
    ServerError,
    rerank,
)
from localrank.providers.unscored import unscored, unscored_warning
from localrank.testing import LexicalReranker, MockReranker

pytestmark = pytest.mark.anyio

DOCUMENTS = ["a", "b", "c"]


class Forever:
    model_id = "forever"
    provider = "test"
    calls = 0

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        self.calls += 1
        await anyio.sleep_forever()
        raise AssertionError


class HalfInTime:
    """Scores its last document, then minds the deadline."""

    model_id = "half"
    provider = "test"

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        assert options.deadline is not None
        await anyio.sleep(options.deadline)
        last = len(options.documents) - 1
        return DoRerankResult(
            [*unscored(range(last)), ScoredIndex(last, -5.0)],
            warnings=[unscored_warning(1, len(options.documents))],
        )


async def test_a_timeout_ends_a_model_that_hangs() -> None:
    with pytest.raises(RerankTimeoutError, match=r"timeout=0.02 s.*deadline="):
        await rerank(Forever(), "q", DOCUMENTS, timeout=0.02)


async def test_a_timeout_is_a_timeout_error_and_is_announced_and_not_retried() -> None:
    model, heard = Forever(), []

    with pytest.raises(TimeoutError) as caught:
        await rerank(model, "q", DOCUMENTS, timeout=0.02, on_error=heard.append)

    assert [event.error for event in heard] == [caught.value]
    assert model.calls == 1


async def test_a_wait_that_would_pass_the_timeout_is_not_begun() -> None:
    failure, slept = ServerError("down"), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    with pytest.raises(RerankTimeoutError) as caught:
        await rerank(MockReranker([failure]), "q", DOCUMENTS, timeout=1.0, retry=RetryPolicy(sleep=sleep))

    assert slept == []
    assert caught.value.__cause__ is failure
    assert "The last attempt failed with ServerError: down" in str(caught.value)
    assert "timeout=1 s" in str(caught.value)


async def test_the_timeout_covers_attempts_and_waits_together() -> None:
    clock = iter([0.0, 3.0, 9.0]).__next__
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    model = MockReranker([ServerError("1"), ServerError("2")])
    with pytest.raises(RerankTimeoutError):
        await rerank(model, "q", DOCUMENTS, timeout=10.0, retry=RetryPolicy(sleep=sleep, now=clock))

    assert slept == [2.0]
    assert len(model.calls) == 2


async def test_a_timeout_in_a_hanging_hook_is_an_error_too() -> None:
    async def hang(event: object) -> None:
        await anyio.sleep_forever()

    with pytest.raises(RerankTimeoutError):
        await rerank(MockReranker(), "q", DOCUMENTS, timeout=0.02, on_start=hang)


def test_a_timeout_under_a_test_clock_is_an_error_too() -> None:
    async def main() -> None:
        await rerank(Forever(), "q", DOCUMENTS, timeout=1000.0)

    with pytest.raises(RerankTimeoutError):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def test_a_model_that_ignores_the_deadline_is_stopped_and_the_callers_order_returned() -> None:
    result = await rerank(Forever(), "q", DOCUMENTS, deadline=0.02)

    assert [hit.index for hit in result] == [0, 1, 2]
    assert all(hit.metadata == {"scored": False} and hit.tier > 0 and hit.score == 0.0 for hit in result)
    assert [(warning.type, warning.feature) for warning in result.warnings] == [
        ("deadline_exceeded", "deadline")
    ]
    assert "after 0 of 3 documents" in result.warnings[0].message


async def test_the_callers_order_is_cut_to_top_k() -> None:
    assert [hit.index for hit in await rerank(Forever(), "q", DOCUMENTS, 2, deadline=0.01)] == [0, 1]


async def test_what_was_scored_in_time_comes_first_and_the_rest_follows_in_order() -> None:
    result = await rerank(HalfInTime(), "q", DOCUMENTS, deadline=0.02)

    assert [(hit.index, hit.metadata.get("scored", True)) for hit in result] == [
        (2, True),
        (0, False),
        (1, False),
    ]
    assert [warning.type for warning in result.warnings] == ["deadline_exceeded"]


async def test_a_deadline_that_is_met_changes_nothing() -> None:
    result = await rerank(LexicalReranker(), "b", DOCUMENTS, deadline=30)

    assert [hit.index for hit in result] == [1, 0, 2]
    assert result.warnings == ()


async def test_a_deadline_during_a_wait_between_attempts_ends_in_the_callers_order() -> None:
    model = MockReranker([ServerError("down")])

    result = await rerank(model, "q", DOCUMENTS, deadline=0.02)

    assert [hit.index for hit in result] == [0, 1, 2]
    assert len(model.calls) == 1


async def test_a_later_attempt_is_told_what_is_left_of_the_deadline() -> None:
    model = MockReranker([ServerError("down")])

    await rerank(model, "q", DOCUMENTS, deadline=5.0, retry=RetryPolicy(initial_delay=0.02))

    first, second = (options.deadline or 0.0 for options in model.calls)
    assert first - second >= 0.02


async def test_of_timeout_and_deadline_the_earlier_decides() -> None:
    assert len(await rerank(Forever(), "q", DOCUMENTS, deadline=0.01, timeout=5)) == 3
    with pytest.raises(RerankTimeoutError):
        await rerank(Forever(), "q", DOCUMENTS, deadline=5, timeout=0.01)
