"""The doubles: one answers what it is told, the other counts shared words."""

from __future__ import annotations

import threading

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    InferenceError,
    InvalidRequestError,
    RerankAbortedError,
    ScoredIndex,
    UnknownModelError,
    rerank,
    rerank_sync,
)
from localrank.testing import LexicalReranker, MockReranker

pytestmark = pytest.mark.anyio


async def test_a_mock_gives_its_answers_in_order_and_then_a_level_ranking() -> None:
    model = MockReranker([[0.1, 0.9], DoRerankResult([ScoredIndex(1, 7.0), ScoredIndex(0, 8.0)])])
    model.queue([3.0, 4.0])

    scores = [[(hit.index, hit.score) for hit in await rerank(model, "q", ["a", "b"])] for _ in range(4)]

    assert scores == [
        [(1, 0.9), (0, 0.1)],
        [(0, 8.0), (1, 7.0)],
        [(1, 4.0), (0, 3.0)],
        [(0, 0.5), (1, 0.5)],
    ]


async def test_a_mock_raises_its_queued_failure() -> None:
    error = InferenceError("no")

    with pytest.raises(InferenceError) as caught:
        await rerank(MockReranker([error]), "q", ["a"])

    assert caught.value is error


async def test_a_mock_remembers_what_it_was_asked() -> None:
    model = MockReranker()

    await rerank(model, "first", ["a"], 1)
    await rerank(model, "second", ["b", "c"], instruction="strict")

    assert [(call.query, call.documents, call.top_k, call.instruction) for call in model.calls] == [
        ("first", ("a",), 1, None),
        ("second", ("b", "c"), None, "strict"),
    ]


async def test_a_mock_refuses_scores_for_another_number_of_documents() -> None:
    with pytest.raises(InvalidRequestError, match="2 scores are queued for a call with 1 documents"):
        await rerank(MockReranker([[0.1, 0.2]]), "q", ["a"])


async def test_a_slow_mock_obeys_the_abort_token_by_itself() -> None:
    token = threading.Event()

    async with anyio.create_task_group() as group:
        group.start_soon(_set_soon, token)
        with anyio.fail_after(5), pytest.raises(RerankAbortedError):
            await MockReranker(delay=60).do_rerank(DoRerankOptions("q", ("a",), abort_event=token))


async def _set_soon(token: threading.Event) -> None:
    await anyio.sleep(0.01)
    token.set()


async def test_a_slow_mock_hands_over_unscored_documents_at_its_deadline() -> None:
    answer = await MockReranker(delay=60).do_rerank(DoRerankOptions("q", ("a", "b"), deadline=0.01))

    assert [item.metadata for item in answer.results] == [{"scored": False}] * 2
    assert [warning.type for warning in answer.warnings] == ["deadline_exceeded"]


def order(query: str, documents: list[str]) -> list[int]:
    return [hit.index for hit in rerank_sync(LexicalReranker(), query, documents)]


def test_shared_words_rank_above_none() -> None:
    assert order("capital of France", ["pasta", "Paris is the capital of France", "France"]) == [1, 2, 0]


def test_a_long_word_weighs_more_than_a_short_one() -> None:
    assert order("is photosynthesis", ["is is is it", "photosynthesis"]) == [1, 0]


def test_a_short_document_beats_a_long_one_with_the_same_words() -> None:
    assert order("paris", ["paris " + "and so on " * 50, "paris"]) == [1, 0]


def test_words_are_compared_without_case_and_in_every_script() -> None:
    assert order("STRASSE 首都", ["nothing", "die straße", "巴黎是法国的首都"]) == [1, 2, 0]


def test_nothing_shared_scores_zero() -> None:
    assert [hit.score for hit in rerank_sync(LexicalReranker(), "b", ["a", "c"])] == [0.0, 0.0]


@given(st.text(max_size=60).map("q{}".format), st.text(max_size=200))
def test_every_score_lies_between_zero_and_one(query: str, document: str) -> None:
    [hit] = rerank_sync(LexicalReranker(), query, [document])

    assert 0 <= hit.score <= 1


def test_usage_counts_the_words_of_each_pair_as_an_estimate() -> None:
    usage = rerank_sync(LexicalReranker(), "two words", ["one", "and two"]).usage

    assert (usage.input_tokens, usage.tokens_estimated, usage.truncated_documents) == (7, True, 0)


async def test_a_lexical_call_over_its_deadline_marks_the_rest() -> None:
    passed = threading.Event()

    def wait(done: int, total: int) -> None:
        passed.wait(0.05)

    options = DoRerankOptions("paris", ("paris",) * 2000, deadline=0.05, report_progress=wait)
    answer = await LexicalReranker().do_rerank(options)

    scored = [item.index for item in answer.results if not item.tier]
    assert 0 < len(scored) < 2000
    assert [item.index for item in answer.results] == list(range(2000))
    assert [warning.type for warning in answer.warnings] == ["deadline_exceeded"]
    assert f"after {len(scored)} of 2000 " in answer.warnings[0].message


async def test_a_lexical_call_stops_in_the_middle_when_aborted() -> None:
    token, progress = threading.Event(), []

    def report(done: int, total: int) -> None:
        progress.append(done)
        token.set()

    options = DoRerankOptions("q", ("text",) * 1000, abort_event=token, report_progress=report)
    with pytest.raises(RerankAbortedError):
        await LexicalReranker().do_rerank(options)

    assert progress == [64]


def test_token_spans_cut_the_text_at_words() -> None:
    text = "Paris, 巴黎!"

    assert [text[start:end] for start, end in LexicalReranker().token_spans(text)] == ["Paris", "巴", "黎"]


def test_the_name_lexical_default_works() -> None:
    assert [hit.index for hit in rerank_sync("lexical:default", "b", ["a", "b"])] == [1, 0]


def test_another_lexical_model_is_unknown() -> None:
    with pytest.raises(UnknownModelError, match=r"no lexical model 'defualt'.*Did you mean 'default'"):
        LexicalReranker("defualt")


@pytest.mark.parametrize("settings", [{"k1": -1}, {"b": 1.5}, {"average_length": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InvalidRequestError, match=next(iter(settings))):
        LexicalReranker(**settings)


def test_other_settings_have_another_fingerprint() -> None:
    assert (
        LexicalReranker(b=0.5).fingerprint != LexicalReranker().fingerprint == LexicalReranker().fingerprint
    )


async def test_a_thousand_documents_leave_the_event_loop_free() -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await anyio.lowlevel.checkpoint()
            beats += 1

    async with anyio.create_task_group() as group:
        group.start_soon(beat)
        await LexicalReranker().do_rerank(DoRerankOptions("q", ("a short text",) * 1000))
        group.cancel_scope.cancel()

    assert beats >= 1000 // 64 - 1
