"""`rerank_many`: answers in order, a bounded number at once, and one error instead of a group."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import numpy as np
import pytest

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    InferenceError,
    InvalidRequestError,
    RerankAbortedError,
    ScoredIndex,
    rerank_many,
)
from localrank.testing import LexicalReranker, MockReranker

pytestmark = pytest.mark.anyio


class Counting:
    """Counts the calls at once; fails for the query "bad"; the query says how many milliseconds it takes."""

    model_id = "counting"
    provider = "test"

    def __init__(self) -> None:
        self.now = self.most = self.started = self.finished = 0

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        self.started += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if options.query == "bad":
                raise InferenceError("a bad query")
            await anyio.sleep(float(options.query) / 1000)
        finally:
            self.now -= 1
        self.finished += 1
        return DoRerankResult([ScoredIndex(i, 0.5) for i in range(len(options.documents))])


async def test_answers_come_in_the_order_of_the_questions() -> None:
    pairs = [("20", ["a"]), ("1", ["b", "c"]), ("10", []), ("1", ["d"])]

    results = await rerank_many(Counting(), pairs)

    assert [result.original_documents for result in results] == [("a",), ("b", "c"), (), ("d",)]


async def test_calls_begin_in_the_order_of_the_pairs() -> None:
    model = MockReranker()

    await rerank_many(model, [(str(number), ["a"]) for number in range(20)], max_parallel=3)

    assert [call.query for call in model.calls] == [str(number) for number in range(20)]


async def test_each_query_has_its_own_ranking() -> None:
    documents = ["pasta", "paris"]

    results = await rerank_many(LexicalReranker(), [("paris", documents), ("pasta", documents)], top_k=1)

    assert [[hit.text for hit in result] for result in results] == [["paris"], ["pasta"]]


@pytest.mark.parametrize(("max_parallel", "most"), [(1, 1), (3, 3), (None, 8), (99, 12)])
async def test_no_more_than_max_parallel_run_at_once(max_parallel: int | None, most: int) -> None:
    model = Counting()

    await rerank_many(model, [("5", ["a"])] * 12, max_parallel=max_parallel)

    assert model.most == most


async def test_the_first_error_is_raised_as_it_is_and_cancels_the_rest() -> None:
    model = Counting()

    with pytest.raises(InferenceError, match="a bad query"):
        await rerank_many(model, [("10000", ["a"]), ("bad", ["a"]), ("10000", ["a"])], max_parallel=2)

    assert (model.started, model.finished) == (2, 0)


async def test_a_bad_pair_in_the_middle_is_the_callers_error() -> None:
    with pytest.raises(InvalidRequestError, match="documents is one str"):
        await rerank_many(Counting(), [("1", ["a"]), ("1", "abc")])


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ("abc", "queries_and_documents is of type str"),
        ({"q": ["a"]}, "queries_and_documents is of type dict"),
        (None, "queries_and_documents is of type NoneType"),
        (3, "queries_and_documents is of type int"),
        (["ab"], r"queries_and_documents\[0\] is no pair"),
        ([("q", ["a"]), ("q", ["a"], 3)], r"queries_and_documents\[1\] is no pair"),
        ([3], r"queries_and_documents\[0\] is no pair"),
    ],
)
async def test_what_is_no_list_of_pairs_is_named(pairs: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        await rerank_many(MockReranker(), pairs)


@pytest.mark.parametrize("max_parallel", [0, -1, True, 1.5, "2"])
async def test_max_parallel_is_an_integer_of_at_least_one(max_parallel: Any) -> None:
    with pytest.raises(InvalidRequestError, match="max_parallel is"):
        await rerank_many(MockReranker(), [("q", ["a"])], max_parallel=max_parallel)


async def test_no_pairs_give_no_results() -> None:
    assert await rerank_many(MockReranker(), []) == []


@pytest.mark.parametrize("pairs", [[("q", ["a"])], []])
async def test_a_set_token_stops_it_before_the_model(pairs: list[tuple[str, list[str]]]) -> None:
    token, model = threading.Event(), MockReranker()
    token.set()

    with pytest.raises(RerankAbortedError) as caught:
        await rerank_many(model, pairs, abort_event=token)

    assert caught.value.phase == "before_start"
    assert model.calls == []


async def test_a_token_set_later_stops_all() -> None:
    token, model = threading.Event(), Counting()

    async with anyio.create_task_group() as group:
        group.start_soon(_set_soon, token)
        with pytest.raises(RerankAbortedError):
            await rerank_many(model, [("10000", ["a"])] * 5, abort_event=token, max_parallel=2)

    assert (model.now, model.finished) == (0, 0)


async def _set_soon(token: threading.Event) -> None:
    await anyio.sleep(0.01)
    token.set()


async def test_the_hosts_cancellation_passes_unchanged() -> None:
    model = Counting()

    with anyio.move_on_after(0.01) as scope:
        await rerank_many(model, [("10000", ["a"])] * 3)

    assert scope.cancelled_caught
    assert model.now == 0


async def test_what_else_is_given_reaches_every_call() -> None:
    model, heard = MockReranker(), []

    await rerank_many(
        model,
        [("q", [{"body": "a"}]), ("r", [{"body": "b"}])],
        text="body",
        instruction="be strict",
        headers={"x": "1"},
        on_end=heard.append,
    )

    assert [(call.query, call.documents, call.instruction, call.headers) for call in model.calls] == [
        ("q", ("a",), "be strict", {"x": "1"}),
        ("r", ("b",), "be strict", {"x": "1"}),
    ]
    assert len({event.call_id for event in heard}) == 2


async def test_a_number_of_numpy_says_how_many_run_at_once() -> None:
    results = await rerank_many("lexical:default", [("q", ["a"]), ("q", ["b"])], max_parallel=np.int64(1))
    assert [result[0].text for result in results] == ["a", "b"]
