"""Check in: every bad argument is one clear error before the model or a hook is called."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from localrank import InvalidRequestError, RetryPolicy, rerank
from localrank.calling.checks import Request, check_request
from localrank.testing import MockReranker

pytestmark = pytest.mark.anyio

LONG = "a long secret document " * 50


@dataclass(frozen=True)
class Page:
    page_content: str


@dataclass(frozen=True)
class Note:
    text: str


class NoNumber:
    def __float__(self) -> float:
        raise RuntimeError("no number today")


class Unreadable(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("nothing today")

    def __iter__(self) -> Any:
        return iter(["x"])

    def __len__(self) -> int:
        return 1


class NoScores:
    def __iter__(self) -> Any:
        raise RuntimeError("no scores today")


BAD_ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"query": None}, "query is None"),
    ({"query": b"q"}, "query is b'q'"),
    ({"query": ""}, "query is ''. Pass a text with words in it"),
    ({"query": " \t\n"}, "Pass a text with words in it"),
    ({"query": ["a document"]}, "the documents come after the query"),
    ({"documents": "abc"}, "documents is one str of length 3"),
    ({"documents": b"abc"}, "documents is one bytes of length 3"),
    ({"documents": bytearray(b"abc")}, "documents is one bytearray"),
    ({"documents": {"text": "a"}}, "documents is of type dict"),
    ({"documents": {"a", "b"}}, "documents is of type set"),
    ({"documents": frozenset("a")}, "documents is of type frozenset"),
    ({"documents": (text for text in "ab")}, "documents is of type generator"),
    ({"documents": None}, "documents is of type NoneType"),
    ({"documents": 3}, "documents is of type int"),
    ({"documents": ["a", {"text": "b"}]}, r"documents\[0\] is a string, documents\[1\] is a mapping"),
    (
        {"documents": [Note("a"), "b"]},
        r"documents\[0\] is an object of type Note, documents\[1\] is a string",
    ),
    ({"documents": [b"a"]}, r"documents\[0\] is bytes of length 1, which is no text"),
    ({"documents": [None]}, r"documents\[0\] is None, which has no text"),
    (
        {"documents": [{"text": "a"}, {"body": "b"}]},
        r"documents\[1\] \(keys 'body'\) has no text under 'text'",
    ),
    ({"documents": [{"text": 3}]}, r"The text of documents\[0\] is of type int"),
    ({"documents": [{"text": None}]}, r"documents\[0\]"),
    ({"documents": [Note(3)]}, r"The text of documents\[0\] is of type int"),  # type: ignore[arg-type]
    ({"documents": ["a"], "text": "body"}, "The documents are strings and have no keys"),
    ({"documents": [{"text": "a"}], "text": "body"}, "has no text under 'body'"),
    ({"documents": [{"text": "a"}], "text": " "}, "text is ' '"),
    ({"documents": [{"text": "a"}], "text": 3}, "text is 3"),
    ({"documents": ["a"], "text": len}, "is of type int, not a string"),
    ({"top_k": 0}, "top_k is 0"),
    ({"top_k": -1}, "top_k is -1"),
    ({"top_k": True}, "top_k is True"),
    ({"top_k": 1.0}, "top_k is 1.0"),
    ({"top_k": "3"}, "top_k is '3'"),
    ({"top_k": int}, "top_k is <class 'int'>"),
    ({"top_k": np.array([1])}, r"top_k is array\(\[1\]\)"),
    ({"abort_event": True}, r"any object with is_set\(\)"),
    ({"abort_event": object()}, "abort_event is"),
    ({"instruction": 3}, "instruction is 3"),
    ({"timeout": 0}, "timeout is 0"),
    ({"timeout": -1.0}, "timeout is -1.0"),
    ({"timeout": float("nan")}, "timeout is nan"),
    ({"timeout": float("inf")}, "timeout is inf"),
    ({"timeout": "5"}, "timeout is '5'"),
    ({"timeout": True}, "timeout is True"),
    ({"timeout": 10**400}, "timeout is 1000"),
    ({"deadline": 0}, "deadline is 0"),
    ({"deadline": "1"}, "deadline is '1'"),
    ({"max_retries": -1}, "max_retries is -1"),
    ({"max_retries": 1.5}, "max_retries is 1.5"),
    ({"max_retries": True}, "max_retries is True"),
    ({"max_retries": int}, "max_retries is <class 'int'>"),
    ({"max_retries": np.array([1, 2])}, r"max_retries is array\(\[1, 2\]\)"),
    ({"retry": 3}, "retry is of type int"),
    ({"headers": {"x": 1}}, "headers is no mapping of strings"),
    ({"headers": [("x", "1")]}, "headers is no mapping of strings"),
    ({"provider_options": {"cohere": 3}}, "provider_options is no mapping"),
    ({"provider_options": [1]}, "provider_options is no mapping"),
    ({"provider_options": Unreadable()}, "provider_options is no mapping"),
    ({"provider_options": {"cohere": Unreadable()}}, "provider_options is no mapping"),
    ({"headers": Unreadable()}, "headers is no mapping of strings"),
    ({"first_stage_scores": [1.0]}, "first_stage_scores has 1 entries for 2 documents"),
    ({"first_stage_scores": repeat(1.0)}, "first_stage_scores has more than 2 entries for 2 documents"),
    ({"first_stage_scores": [1.0, float("nan")]}, r"first_stage_scores\[1\] is nan"),
    ({"first_stage_scores": ["1", 2]}, r"first_stage_scores\[0\] is '1'"),
    ({"first_stage_scores": [0.5, None]}, r"first_stage_scores\[1\] is None"),
    ({"first_stage_scores": [0.5, 10**400]}, r"first_stage_scores\[1\] is 1000"),
    ({"first_stage_scores": [0.5, NoNumber()]}, r"first_stage_scores\[1\] is "),
    ({"first_stage_scores": np.ones((2, 1))}, r"first_stage_scores\[0\] is array"),
    ({"first_stage_scores": 0.5}, "first_stage_scores is of type float"),
    ({"first_stage_scores": "score"}, r"score of documents\[0\] under 'score' is absent"),
    ({"first_stage_scores": {0: 0.5, 1: 0.25}}, "first_stage_scores is of type dict"),
    ({"first_stage_scores": {0.5, 0.25}}, "first_stage_scores is of type set"),
    ({"first_stage_scores": NoScores()}, "first_stage_scores is of type NoScores"),
    ({"on_start": 3}, "on_start is of type int"),
    ({"on_progress": "x"}, "on_progress is of type str"),
    ({"model": None}, "model of type NoneType has no string member 'model_id'"),
    ({"model": MockReranker}, "model is the class MockReranker, not a reranker"),
    ({"model": ""}, "model is ''"),
    ({"model": "onnx:"}, "model is 'onnx:'"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), BAD_ARGUMENTS, ids=[message for _, message in BAD_ARGUMENTS]
)
async def test_a_bad_argument_is_named_before_anything_is_called(
    arguments: dict[str, Any], message: str
) -> None:
    model, heard = MockReranker(), []
    good = {
        "model": model,
        "query": "q",
        "documents": ["a", "b"],
        "on_start": heard.append,
        "on_error": heard.append,
    }

    with pytest.raises(InvalidRequestError, match=message):
        await rerank(**{**good, **arguments})

    assert (model.calls, heard) == ([], [])


@pytest.mark.parametrize(
    "arguments", [{"query": 3}, {"top_k": 0}, {"max_retries": -1}, {"headers": {"x": 1}}]
)
async def test_arguments_are_checked_without_documents_too(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        await rerank(**{"model": MockReranker(), "query": "q", "documents": [], **arguments})


@pytest.mark.parametrize(
    "arguments", [{"documents": LONG}, {"query": [LONG]}, {"documents": [{"body": LONG}]}]
)
async def test_no_message_holds_a_whole_document(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await rerank(**{"model": MockReranker(), "query": "q", "documents": ["a"], **arguments})

    assert LONG not in str(caught.value)
    assert len(str(caught.value)) < 300


class Markup(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("documents", "text"),
    [
        (["one", "two"], None),
        (("one", "two"), None),
        (deque(["one", "two"]), None),
        ({"one": 1, "two": 2}.keys(), None),
        (np.array(["one", "two"]), None),
        (np.array(["one", "two"], dtype=object), None),
        ([Markup("one"), "two"], None),
        ([{"text": "one"}, {"text": "two", "id": 2}], None),
        ([{"page_content": "one"}, {"content": "two"}], None),
        ([OrderedDict(body="one"), {"body": "two"}], "body"),
        ([Note("one"), Note("two")], None),
        ([Page("one"), Page("two")], None),
        ([Page("one"), Note("two")], None),
        ([Page("one"), Page("two")], "page_content"),
        ([1, 2], lambda number: ["", "one", "two"][number]),
        (["one", {"text": "two"}], lambda one: one if isinstance(one, str) else one["text"]),
        ([{"text": "", "content": "x"}, {"text": ""}], lambda one: "one" if one.get("content") else "two"),
    ],
)
async def test_documents_of_every_kind_become_texts_and_come_back_untouched(
    documents: Any, text: Any
) -> None:
    model = MockReranker([[0.1, 0.9]])

    result = await rerank(model, "q", documents, text=text)

    assert model.calls[0].documents == ("one", "two")
    assert [hit.text for hit in result] == ["two", "one"]
    originals = tuple(documents)
    assert all(hit.document == originals[hit.index] for hit in result)
    if not isinstance(documents, np.ndarray):
        assert all(hit.document is originals[hit.index] for hit in result)


async def test_an_empty_text_is_a_text() -> None:
    result = await rerank(MockReranker(), "q", [{"text": ""}])

    assert [(hit.text, hit.document) for hit in result] == [("", {"text": ""})]


async def test_objects_are_given_only_to_a_model_that_takes_them() -> None:
    documents = [{"text": "one"}]
    plain, curious = MockReranker(), MockReranker(accepts_objects=True)

    await rerank(plain, "q", documents)
    await rerank(curious, "q", documents)

    assert plain.calls[0].objects is None
    assert curious.calls[0].objects is not None
    assert curious.calls[0].objects[0] is documents[0]


@pytest.mark.parametrize(
    ("top_k", "seen"), [(None, None), (1, 1), (2, 2), (3, 2), (np.int64(2), 2), (10**30, 2)]
)
async def test_the_model_is_told_a_top_k_of_at_most_the_count(top_k: Any, seen: int | None) -> None:
    model = MockReranker()

    result = await rerank(model, "q", ["a", "b"], top_k)

    assert model.calls[0].top_k == seen
    assert len(result) == (seen or 2)


@pytest.mark.parametrize("seconds", [1, 2.5, np.float32(2), Decimal("1.5"), Fraction(3, 2)])
async def test_seconds_may_be_any_real_number(seconds: Any) -> None:
    model = MockReranker()

    await rerank(model, "q", ["a"], timeout=seconds, deadline=seconds)

    assert model.calls[0].deadline == pytest.approx(float(seconds), abs=0.5)


async def test_what_else_is_given_reaches_the_model() -> None:
    model = MockReranker()

    await rerank(
        model,
        "the query",
        ["a", "b"],
        instruction="be strict",
        headers={"x": "1"},
        provider_options={"testing": {"n": 1}},
        first_stage_scores=np.array([0.5, 0.25]),
    )

    [options] = model.calls
    assert (options.query, options.instruction, options.headers) == ("the query", "be strict", {"x": "1"})
    assert options.provider_options == {"testing": {"n": 1}}
    assert options.first_stage_scores == (0.5, 0.25)


async def test_the_callers_mappings_are_copied() -> None:
    model = MockReranker()
    headers, options = {"x": "1"}, {"testing": {"n": 1}}

    await rerank(model, "q", ["a"], headers=headers, provider_options=options)
    headers["x"], options["testing"]["n"] = "2", 2

    assert model.calls[0].headers == {"x": "1"}
    assert model.calls[0].provider_options == {"testing": {"n": 1}}


class Frozen(Mapping[str, str]):
    def __getitem__(self, key: str) -> str:
        return {"text": "one"}[key]

    def __iter__(self) -> Any:
        return iter(["text"])

    def __len__(self) -> int:
        return 1


async def test_any_mapping_will_do() -> None:
    document = Frozen()

    [hit] = await rerank(MockReranker(), "q", [document])

    assert hit.document is document
    assert hit.text == "one"


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_retries": -1},
        {"max_retries": False},
        {"initial_delay": -1.0},
        {"initial_delay": float("inf")},
        {"initial_delay": "2"},
        {"factor": float("nan")},
        {"jitter": 1.5},
        {"jitter": True},
    ],
)
def test_a_policy_refuses_numbers_that_mean_nothing(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=next(iter(arguments))):
        RetryPolicy(**arguments)


def checked(documents: list[Any], first_stage_scores: Any) -> Request[Any]:
    return check_request(
        query="q",
        documents=documents,
        top_k=None,
        abort_event=None,
        text=None,
        instruction=None,
        timeout=None,
        headers=None,
        provider_options=None,
        first_stage_scores=first_stage_scores,
        deadline=None,
    )


@pytest.mark.parametrize(
    ("where", "documents"),
    [
        ("score", [{"text": "a", "score": 2}, {"text": "b", "score": 0.5}]),
        ("score", [SimpleNamespace(text="a", score=2), SimpleNamespace(text="b", score=0.5)]),
        ("meta.score", [{"text": "a", "meta": {"score": 2}}, {"text": "b", "meta": {"score": 0.5}}]),
        (lambda one: one["rank"] / 2, [{"text": "a", "rank": 4}, {"text": "b", "rank": 1}]),
    ],
)
def test_scores_of_the_first_stage_are_read_from_the_documents(where: Any, documents: list[Any]) -> None:
    assert checked(documents=documents, first_stage_scores=where).first_stage_scores == (2.0, 0.5)


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (None, "is None and no finite number"),
        (float("nan"), "is nan and no"),
        ("a secret text", "is of type str and no"),
        (True, "is True and no"),
    ],
)
def test_a_document_whose_own_score_is_no_number_is_named(score: Any, said: str) -> None:
    documents = [{"text": "a", "score": 1}, {"text": "b", "score": score}]

    with pytest.raises(InvalidRequestError, match=rf"documents\[1\] under 'score' {said}") as refusal:
        checked(documents=documents, first_stage_scores="score")

    assert "secret" not in str(refusal.value)


def test_what_a_function_for_the_score_raises_is_the_cause() -> None:
    with pytest.raises(InvalidRequestError, match=r"documents\[0\] could not be read: KeyError") as refusal:
        checked(documents=[{"text": "a"}], first_stage_scores=lambda one: one["score"])

    assert isinstance(refusal.value.__cause__, KeyError)
