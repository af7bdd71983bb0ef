"""Which errors are repeated, how often, and after how long: by a clock, a sleep and a die of the test's own."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from localrank import (
    APICallError,
    AuthenticationError,
    ConnectionFailedError,
    DoRerankOptions,
    DoRerankResult,
    InferenceError,
    InvalidRequestError,
    InvalidResponseError,
    MissingAPIKeyError,
    ModelLoadError,
    RateLimitError,
    RerankError,
    RerankTimeoutError,
    RetryError,
    RetryPolicy,
    ServerError,
    UnknownModelError,
    rerank,
)
from localrank.testing import MockReranker

pytestmark = pytest.mark.anyio


class Sleeper:
    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


class Foreign(Exception):
    """An error of another library that says of itself whether it may mend."""

    def __init__(self, is_retryable: bool) -> None:
        super().__init__("foreign")
        self.is_retryable = is_retryable


async def failing_with(errors: Sequence[Exception], **policy: Any) -> tuple[MockReranker, list[float], Any]:
    model, sleeper = MockReranker(errors), Sleeper()
    try:
        outcome: Any = await rerank(model, "q", ["a"], retry=RetryPolicy(sleep=sleeper, **policy))
    except Exception as error:
        outcome = error
    return model, sleeper.slept, outcome


@pytest.mark.parametrize(
    "error",
    [
        ServerError("down", status=503),
        RateLimitError("slow", status=429),
        ConnectionFailedError("no answer"),
        APICallError("conflict", status=409),
        APICallError("late", status=408),
        ConnectionResetError("reset"),
        BrokenPipeError("pipe"),
        TimeoutError("socket"),
        InterruptedError("a signal"),
        BlockingIOError("busy"),
        socket.gaierror(socket.EAI_AGAIN, "no answer"),
        OSError(errno.EINTR, "interrupted"),
        OSError(errno.EMFILE, "too many open files"),
        OSError(errno.ENETUNREACH, "network"),
        OSError(errno.EHOSTUNREACH, "host"),
        OSError(errno.ETIMEDOUT, "late"),
        ExceptionGroup("all of a moment", [ConnectionResetError("reset"), ServerError("down", status=503)]),
        Foreign(is_retryable=True),
    ],
)
async def test_an_error_that_may_mend_is_repeated_after_two_and_four_seconds(error: Exception) -> None:
    model, slept, outcome = await failing_with([error, error])

    assert slept == [2.0, 4.0]
    assert (len(model.calls), len(outcome)) == (3, 1)


@pytest.mark.parametrize(
    "error",
    [
        Exception("?"),
        RuntimeError("?"),
        OSError("?"),
        EOFError("?"),
        ExceptionGroup("?", [RuntimeError("?")]),
    ],
)
async def test_an_unclassified_error_is_repeated_at_once(error: Exception) -> None:
    model, slept, outcome = await failing_with([error, error])

    assert slept == []
    assert (len(model.calls), len(outcome)) == (3, 1)


@pytest.mark.parametrize(
    "error",
    [
        TypeError("no"),
        ValueError("no"),
        AttributeError("no"),
        KeyError("no"),
        IndexError("no"),
        NotImplementedError("no"),
        ImportError("no"),
        MemoryError("no"),
        ZeroDivisionError("no"),
        OverflowError("no"),
        RecursionError("no"),
        NameError("no"),
        BufferError("no"),
        SystemError("no"),
        StopAsyncIteration("no"),
        DeprecationWarning("no"),
        FileNotFoundError("no"),
        FileNotFoundError(errno.ENOENT, "no"),
        FileExistsError("no"),
        PermissionError("no"),
        IsADirectoryError("no"),
        NotADirectoryError("no"),
        OSError(errno.ENOSPC, "disk full"),
        OSError(errno.EACCES, "no"),
        OSError(errno.EROFS, "read only"),
        ExceptionGroup("one is final", [ConnectionResetError("reset"), KeyError("no")]),
        AssertionError("no"),
        UnicodeDecodeError("utf-8", b"", 0, 1, "no"),
        Foreign(is_retryable=False),
        RerankError("no"),
        InvalidRequestError("no"),
        InvalidResponseError("no"),
        UnknownModelError("no"),
        MissingAPIKeyError("no"),
        ModelLoadError("no"),
        InferenceError("no"),
        AuthenticationError("no", status=401),
        APICallError("no", status=422),
        RerankTimeoutError("no"),
        RetryError("no"),
    ],
)
async def test_a_final_error_is_raised_as_it_is_after_one_attempt(error: Exception) -> None:
    model, slept, outcome = await failing_with([error])

    assert outcome is error
    assert (len(model.calls), slept) == (1, [])


@pytest.mark.parametrize("error", [ZeroDivisionError("no"), FileNotFoundError("no"), RecursionError("no")])
async def test_a_synchronous_model_is_asked_once_too(error: Exception) -> None:
    class Faulty:
        provider, model_id, calls = "testing", "faulty", 0

        def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
            self.calls += 1
            raise error

    model = Faulty()

    with pytest.raises(type(error)) as caught:
        await rerank(model, "q", ["a"])

    assert caught.value is error
    assert model.calls == 1


async def test_the_last_of_several_failures_is_a_retry_error() -> None:
    errors = [ServerError("one"), ServerError("two"), ServerError("three")]

    model, _, outcome = await failing_with(errors)

    assert type(outcome) is RetryError
    assert (outcome.reason, outcome.errors, outcome.last_error) == (
        "max_retries_exceeded",
        tuple(errors),
        errors[2],
    )
    assert (outcome.__cause__, outcome.__suppress_context__) == (None, True)
    assert "3 attempts" in str(outcome)
    assert "ServerError: three" in str(outcome)
    assert len(model.calls) == 3


async def test_a_final_error_after_a_repeated_one_says_so() -> None:
    errors = [RuntimeError("one"), ValueError("two")]

    model, _, outcome = await failing_with(errors)

    assert (type(outcome), outcome.reason, outcome.errors) == (RetryError, "not_retryable", tuple(errors))
    assert len(model.calls) == 2


async def test_without_retries_the_first_error_is_raised_unwrapped_with_its_own_cause() -> None:
    cause, error = OSError("the cable"), ServerError("down")
    error.__cause__ = cause

    _, _, outcome = await failing_with([error], max_retries=0)

    assert outcome is error
    assert outcome.__cause__ is cause


@pytest.mark.parametrize(
    ("given", "policy", "attempts"),
    [(None, None, 3), (0, None, 1), (1, None, 2), (None, 4, 5), (1, 4, 2), (4, 1, 5)],
)
async def test_max_retries_given_beats_the_policys(
    given: int | None, policy: int | None, attempts: int
) -> None:
    model = MockReranker([RuntimeError("?")] * 9)

    with pytest.raises(RetryError if attempts > 1 else RuntimeError):
        await rerank(
            model,
            "q",
            ["a"],
            max_retries=given,
            retry=None if policy is None else RetryPolicy(max_retries=policy),
        )

    assert len(model.calls) == attempts


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({"retry-after": "7"}, [7.0, 7.0]),
        ({"retry-after-ms": "300"}, [0.3, 0.3]),
        ({"retry-after": "60"}, [60.0, 60.0]),
        ({"retry-after": "61"}, [2.0, 4.0]),
        ({"retry-after": "soon"}, [2.0, 4.0]),
        ({"x-ratelimit-reset": "5"}, [5.0, 5.0]),
        ({}, [2.0, 4.0]),
    ],
)
async def test_what_the_server_asks_for_beats_the_backoff_up_to_a_minute(
    headers: dict[str, str], waits: list[float]
) -> None:
    _, slept, _ = await failing_with([RateLimitError("slow", status=429, headers=headers) for _ in range(2)])

    assert slept == waits


async def test_delay_and_factor_are_the_policys() -> None:
    _, slept, _ = await failing_with([ServerError("x")] * 3, max_retries=3, initial_delay=0.5, factor=3)

    assert slept == [0.5, 1.5, 4.5]


@pytest.mark.parametrize(("die", "waits"), [(0.0, [1.0, 2.0]), (0.5, [2.0, 4.0]), (0.75, [2.5, 5.0])])
async def test_jitter_varies_the_wait_by_its_fraction(die: float, waits: list[float]) -> None:
    _, slept, _ = await failing_with([ServerError("x")] * 2, jitter=0.5, random=lambda: die)

    assert slept == waits


async def test_every_attempt_gets_the_same_request() -> None:
    model, _, _ = await failing_with([ServerError("x")] * 2)

    assert len({(options.query, options.documents, options.top_k) for options in model.calls}) == 1


@pytest.mark.parametrize(("initial_delay", "waited"), [(0, 0.0), (1e-9, sys.float_info.max)])
async def test_a_wait_that_grew_beyond_all_numbers_is_no_error_of_its_own(
    initial_delay: float, waited: float
) -> None:
    policy = RetryPolicy(initial_delay=initial_delay, factor=2.0)

    assert policy.delay(ServerError("x"), 5_000) == waited
