"""Any scoring function as a model, and what every foreign reranker shares."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import anyio
import numpy as np
import pytest

from localrank import (
    Cascade,
    DoRerankOptions,
    Fallback,
    InferenceError,
    InvalidRequestError,
    InvalidResponseError,
    RerankAbortedError,
    RetryPolicy,
    ScoredIndex,
    rerank,
    rerank_sync,
)
from localrank.integrations import from_callable
from localrank.integrations.foreign import ForeignReranker, Scoring
from localrank.testing import LexicalReranker, RerankerConformance

pytestmark = pytest.mark.anyio

TEXTS = ["a", "aaa", "aa"]


def lengths(query: str, documents: list[str]) -> list[float]:
    return [float(len(text)) for text in documents]


async def lengths_later(query: str, documents: list[str]) -> list[float]:
    await anyio.lowlevel.checkpoint()
    return lengths(query, documents)


class AsyncObject:
    async def __call__(self, query: str, documents: list[str]) -> list[float]:
        return lengths(query, documents)


class Slices:
    """A scoring function that remembers how many documents it got, and may stop its caller in the middle."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, query: str, documents: list[str]) -> list[float]:
        self.sizes.append(len(documents))
        return lengths(query, documents)

    def is_set(self) -> bool:
        return bool(self.sizes)


@pytest.mark.parametrize("function", [lengths, lengths_later, AsyncObject()])
async def test_a_function_is_a_model(function: Any) -> None:
    result = await rerank(from_callable(function), "q", TEXTS)

    assert [(hit.index, hit.score) for hit in result] == [(1, 3.0), (2, 2.0), (0, 1.0)]


async def test_its_name_is_the_functions_own() -> None:
    model = from_callable(lengths)

    assert (
        model.provider,
        model.model_id,
        model.score_kind,
        model.scores_comparable,
    ) == ("callable", "lengths", "unknown", True)


async def test_a_batch_size_of_numpy_is_the_number() -> None:
    model = from_callable(lambda query, documents: [0.5] * len(documents), batch_size=np.int64(2))
    assert len(await rerank(model, "q", TEXTS)) == len(TEXTS)


async def test_documents_go_out_in_batches_and_progress_is_reported() -> None:
    slices, progress = Slices(), []

    result = await rerank(
        from_callable(slices, batch_size=2),
        "q",
        ["a", "b", "cc"],
        on_progress=lambda event: progress.append(event.done),
    )

    assert (sorted(slices.sizes), result[0].index) == ([1, 2], 2)
    assert progress[-1] == 3


async def test_scores_that_depend_on_the_list_are_asked_for_at_once() -> None:
    slices = Slices()

    await rerank(from_callable(slices, batch_size=1, scores_comparable=False), "q", TEXTS)

    assert slices.sizes == [3]


async def test_an_abort_takes_effect_between_batches() -> None:
    slices = Slices()

    with pytest.raises(RerankAbortedError):
        await rerank(from_callable(slices, batch_size=1), "q", TEXTS, abort_event=slices)

    assert slices.sizes == [1]


async def test_an_abort_returns_while_the_function_still_blocks() -> None:
    begun, release = threading.Event(), threading.Event()

    def block(query: str, documents: list[str]) -> list[float]:
        begun.set()
        release.wait(20)
        return lengths(query, documents)

    try:
        with anyio.fail_after(10), pytest.raises(RerankAbortedError):
            await rerank(from_callable(block), "q", TEXTS, abort_event=begun)
    finally:
        release.set()


async def test_the_next_call_waits_for_a_batch_that_was_left_behind() -> None:
    begun, release, running, most = threading.Event(), threading.Event(), [], []

    def block(query: str, documents: list[str]) -> list[float]:
        running.append(query)
        most.append(len(running))
        begun.set()
        release.wait(20)
        running.pop()
        return lengths(query, documents)

    model = from_callable(block)
    with pytest.raises(RerankAbortedError):
        await rerank(model, "first", TEXTS, abort_event=begun)
    threading.Timer(0.05, release.set).start()

    assert (await rerank(model, "second", TEXTS))[0].index == 1
    assert most == [1, 1]


async def test_a_deadline_inside_a_batch_keeps_the_batches_before_it() -> None:
    sizes, release = [], threading.Event()

    def blocks_at_the_third(query: str, documents: list[str]) -> list[float]:
        sizes.append(len(documents))
        if len(sizes) == 3:
            release.wait(20)
        return lengths(query, documents)

    try:
        # Asked past the core, which waits 25 ms only for what a model has: too little on a busy machine.
        options = DoRerankOptions("q", tuple(TEXTS * 2), deadline=0.5)
        answer = await from_callable(blocks_at_the_third, batch_size=1).do_rerank(options)
    finally:
        release.set()

    assert [None if item.metadata is None else item.metadata["scored"] for item in answer.results] == [
        None,
        None,
        False,
        False,
        False,
        False,
    ]
    assert [warning.type for warning in answer.warnings] == ["deadline_exceeded"]


async def test_what_the_function_raises_is_an_inference_error_with_its_cause() -> None:
    def fail(query: str, documents: list[str]) -> list[float]:
        raise ValueError("no " + "x" * 500)

    with pytest.raises(InferenceError, match=r"callable:.*fail raised ValueError: no x") as raised:
        await rerank(from_callable(fail), "q", TEXTS)

    assert isinstance(raised.value.__cause__, ValueError)
    assert len(str(raised.value)) < 250


async def test_a_failure_that_may_mend_is_repeated_and_falls_back() -> None:
    def fail(query: str, documents: list[str]) -> list[float]:
        calls.append(1)
        raise ConnectionError("gone")

    calls: list[int] = []
    result = await rerank(
        Fallback(from_callable(fail), from_callable(lengths)), "q", TEXTS, retry=RetryPolicy(initial_delay=0)
    )
    assert (result[0].index, result.provider_metadata["localrank"]["served_by"]) == (1, "callable:lengths")

    with pytest.raises(Exception, match="3 attempts"):
        await rerank(from_callable(fail), "q", TEXTS, retry=RetryPolicy(initial_delay=0))


@pytest.mark.parametrize("answer", [[1.0], [1.0] * 4, 5, None])
async def test_not_one_score_a_document_is_an_error(answer: Any) -> None:
    with pytest.raises(InvalidResponseError, match="one number a document"):
        await rerank(from_callable(lambda query, documents: answer), "q", TEXTS)


@pytest.mark.parametrize("score", [float("nan"), "high", True])
async def test_what_is_no_score_is_an_error(score: Any) -> None:
    with pytest.raises(InvalidResponseError, match="returned"):
        await rerank(from_callable(lambda query, documents: [score] * len(documents)), "q", TEXTS)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"score_kind": "ordinal", "scores_comparable": True}, "ordinal"),
        ({"provider": "a:b"}, "provider"),
    ],
)
async def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        from_callable(lengths, **settings)


async def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="function"):
        from_callable("lengths")


@pytest.mark.parametrize("index", [1, -1, "0"])
async def test_an_index_beyond_its_batch_is_an_error(index: Any) -> None:
    model = ForeignReranker(
        "other", "model", lambda options: [ScoredIndex(index, 1.0)], Scoring(batch_size=1)
    )

    with pytest.raises(InvalidResponseError, match="other:model returned"):
        await rerank(model, "q", TEXTS)


async def test_an_ordinal_function_is_not_split_and_says_what_it_is() -> None:
    slices = Slices()

    result = await rerank(from_callable(slices, score_kind="ordinal", batch_size=1), "q", TEXTS)

    assert (slices.sizes, result.score_kind) == ([3], "ordinal")


async def test_it_composes() -> None:
    result = await rerank(Cascade(from_callable(lengths), LexicalReranker(), keep=1), "aaa", TEXTS)

    assert [hit.index for hit in result] == [1, 2, 0]


async def test_an_empty_question_asks_nothing() -> None:
    slices = Slices()

    assert len(await rerank(from_callable(slices), "q", list[str]())) == 0
    assert slices.sizes == []


def test_a_function_of_a_module_survives_pickling() -> None:
    copied = pickle.loads(pickle.dumps(from_callable(lengths)))

    assert rerank_sync(copied, "q", TEXTS)[0].index == 1


def overlap(query: str, documents: list[str]) -> list[float]:
    words = set(query.lower().split())
    return [len(words & set(text.lower().split())) / (1 + len(words)) for text in documents]


async def overlap_later(query: str, documents: list[str]) -> list[float]:
    await anyio.lowlevel.checkpoint()
    return overlap(query, documents)


class TestFunctionConformance(RerankerConformance):
    def make(self) -> Any:
        return from_callable(overlap, score_kind="probability", batch_size=4)


class TestAsyncFunctionConformance(RerankerConformance):
    def make(self) -> Any:
        return from_callable(overlap_later, batch_size=4)


class TestListwiseFunctionConformance(RerankerConformance):
    def make(self) -> Any:
        return from_callable(
            lambda query, documents: [score + len(documents) for score in overlap(query, documents)],
            scores_comparable=False,
        )
