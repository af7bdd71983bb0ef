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
    Retrieved,
    ScoredIndex,
    rerank_as_completed,
    rerank_many,
    rerank_many_sync,
)
from localrank.testing import LexicalReranker, MockReranker
from tests.support.cancelled_work import fails_while_it_is_cancelled

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


async def test_a_bad_pair_is_named_before_the_first_call() -> None:
    model = Counting()

    with pytest.raises(
        InvalidRequestError, match=r"queries_and_documents\[1\]: documents is one str"
    ) as refusal:
        await rerank_many(model, [("1", ["a"]), ("1", "abc")])

    assert (refusal.value.pair_index, model.started) == (1, 0)


async def test_what_a_text_function_raises_is_the_cause_of_the_pairs_refusal() -> None:
    with pytest.raises(InvalidRequestError, match=r"\[0\]: The text of documents\[0\]") as refusal:
        await rerank_many(Counting(), [("1", [{}])], text=lambda one: one["text"])

    assert isinstance(refusal.value.__cause__, KeyError)


async def test_an_error_says_of_which_pair_it_is_and_keeps_what_was_finished() -> None:
    with pytest.raises(InferenceError) as caught:
        await rerank_many(Counting(), [("0", ["a"]), ("bad", ["b"])], max_parallel=1)

    assert caught.value.pair_index == 1
    assert {at: result.documents for at, result in caught.value.finished_results.items()} == {0: ("a",)}
    assert "In queries_and_documents[1]." in caught.value.__notes__


async def test_errors_take_their_place_in_the_list_when_asked() -> None:
    model = Counting()

    first, second, third = await rerank_many(
        model, [("0", ["a"]), ("bad", ["b"]), ("1", ["c"])], return_exceptions=True
    )

    assert isinstance(second, InferenceError)
    assert [one.documents for one in (first, third) if not isinstance(one, Exception)] == [("a",), ("c",)]


def test_errors_take_their_place_without_async_too() -> None:
    first, second = rerank_many_sync(Counting(), [("0", ["a"]), ("bad", ["b"])], return_exceptions=True)

    assert not isinstance(first, Exception)
    assert isinstance(second, InferenceError)


async def test_events_say_of_which_pair_they_are() -> None:
    told: list[Any] = []

    await rerank_many(
        MockReranker(), [("q", ["a"]), ("r", ["b"])], max_parallel=1, on_start=told.append, on_end=told.append
    )

    assert [(type(event).__name__, event.pair_index) for event in told] == [
        ("CallStarted", 0),
        ("CallEnded", 0),
        ("CallStarted", 1),
        ("CallEnded", 1),
    ]


async def test_every_pair_has_its_own_scores_of_the_first_stage() -> None:
    hits = [{"text": "a", "score": 0.25}, {"text": "b", "score": 0.5}]

    (first, second) = await rerank_many(
        Retrieved(), [("q", hits), ("q", hits[:1])], first_stage_scores="score"
    )

    assert (first.scores, second.scores) == ((0.5, 0.25), (0.25,))


async def test_answers_are_handed_over_as_they_come() -> None:
    pairs = [("300", ["slow"]), ("0", ["fast"]), ("bad", ["wrong"])]
    came: list[tuple[int, Any]] = []

    async with rerank_as_completed(Counting(), pairs) as answers:
        async for position, answer in answers:
            came.append((position, answer))

    assert {position for position, _ in came[:2]} == {1, 2}
    assert came[2][0] == 0
    assert isinstance(dict(came)[2], InferenceError)


async def test_leaving_the_block_cancels_what_is_left() -> None:
    model = Counting()

    async with rerank_as_completed(model, [("0", ["a"]), ("10000", ["b"]), ("10000", ["c"])]) as answers:
        async for position, _ in answers:
            assert position == 0
            break

    assert (model.now, model.finished) == (0, 1)


async def test_an_error_of_the_caller_inside_the_block_is_raised_as_it_is() -> None:
    model = Counting()

    async def fail() -> None:
        async with rerank_as_completed(model, [("0", ["a"]), ("10000", ["b"])]) as answers:
            async for _ in answers:
                raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await fail()

    assert model.now == 0


async def test_no_more_is_ranked_than_is_read() -> None:
    model = Counting()

    async with rerank_as_completed(model, [("0", ["a"])] * 20, max_parallel=2) as answers:
        await anyio.wait_all_tasks_blocked()
        started = model.started
        read = [position async for position, _ in answers]

    assert started == 2
    assert sorted(read) == list(range(20))


async def test_a_bad_argument_is_refused_on_entering() -> None:
    with pytest.raises(InvalidRequestError, match=r"queries_and_documents\[0\]: top_k is 0"):
        async with rerank_as_completed(MockReranker(), [("q", ["a"])], top_k=0):
            pass


def test_it_waits_for_the_answers_without_async() -> None:
    assert [one.documents for one in rerank_many_sync(MockReranker(), [("q", ["a"]), ("r", ["b"])])] == [
        ("a",),
        ("b",),
    ]


async def test_a_bar_counts_the_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    await rerank_many(MockReranker(), [("q", ["a"])] * 3, progress=True)

    assert "3/3" in capsys.readouterr().err


async def test_an_argument_that_rerank_does_not_take_is_refused() -> None:
    with pytest.raises(TypeError, match="topk"):
        await rerank_many(MockReranker(), [("q", ["a"])], topk=3)  # type: ignore[call-overload]


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


@pytest.mark.parametrize("error", [None, ValueError("mine")])
async def test_leaving_while_answers_wait_raises_nothing_but_the_callers_own(error: Exception | None) -> None:
    pairs = [("q", ["a"])] * 20
    caught: Exception | None = None
    try:
        async with rerank_as_completed("lexical:default", pairs, max_parallel=4) as answers:
            async for _ in answers:
                await anyio.wait_all_tasks_blocked()
                if error is not None:
                    raise error
                break
    except Exception as other:
        caught = other

    assert caught is error


async def test_leaving_early_is_quiet_where_a_call_fails_on_its_way_out() -> None:
    class Fails:
        model_id, provider = "fails", "test"

        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            if options.query != "slow":
                return DoRerankResult([ScoredIndex(0, 0.5)])
            await fails_while_it_is_cancelled()
            raise AssertionError

    async with rerank_as_completed(Fails(), [("slow", ["a"]), ("quick", ["a"])]) as answers:
        position, _ = await anext(aiter(answers))

    assert position == 1
