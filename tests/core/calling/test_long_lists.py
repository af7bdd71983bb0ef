"""Lists of many thousands: a limit on time counts from the first moment, and the event loop is free meanwhile."""

from __future__ import annotations

import pickle
import threading
import time
from dataclasses import dataclass

import anyio
import pytest

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    InvalidRequestError,
    RerankAbortedError,
    RerankTimeoutError,
    ScoredIndex,
    rerank,
)
from localrank.calling.checks import uniform_numbers
from localrank.calling.documents import SLICE_CALLED, uniform_texts
from localrank.providers.unscored import RestUnscored
from localrank.testing import LexicalReranker

pytestmark = pytest.mark.anyio

COUNT = 50_000
TEXTS = [f"document {number}" for number in range(COUNT)]


@dataclass
class Page:
    text: str


KINDS = {
    "strings": (TEXTS, None),
    "mappings": ([{"text": text} for text in TEXTS], None),
    "mappings of another key": ([{"content": text} for text in TEXTS], None),
    "objects": ([Page(text) for text in TEXTS], None),
    "a named key": ([{"body": text} for text in TEXTS], "body"),
    "a function": ([[text] for text in TEXTS], lambda document: document[0]),
}


class First:
    """Scores the first document that it is given, and leaves the rest."""

    model_id, provider = "first", "test"
    asked: DoRerankOptions

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        self.asked = options
        return DoRerankResult(RestUnscored([ScoredIndex(0, 0.5)], len(options.documents)))


@pytest.mark.parametrize("kind", KINDS)
async def test_texts_are_read_whatever_the_documents_are(kind: str) -> None:
    documents, text = KINDS[kind]
    model = First()
    result = await rerank(model, "q", documents, text=text)  # type: ignore[type-var]

    assert model.asked.documents == tuple(TEXTS)
    assert len(result) == COUNT
    assert (result[0].metadata, result[1].metadata) == ({}, {"scored": False})
    assert [result[-1].index, result[-1].rank, result[-1].text] == [COUNT - 1, COUNT, TEXTS[-1]]
    assert result[-1].document is documents[-1]


@pytest.mark.parametrize("at", [0, 1500, COUNT - 1])
async def test_a_document_without_text_is_named_with_its_own_index(at: int) -> None:
    documents: list[dict[str, object]] = [{"text": text} for text in TEXTS]
    documents[at] = {"title": 1}

    with pytest.raises(InvalidRequestError, match=rf"documents\[{at}\]"):
        await rerank(First(), "q", documents)


async def test_kinds_that_are_mixed_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="mixes kinds"):
        await rerank(First(), "q", [*TEXTS, {"text": "a mapping"}])


async def test_a_rest_that_is_made_later_is_the_rest() -> None:
    result = await rerank(First(), "q", TEXTS)
    made = tuple(result)

    assert [ranked.index for ranked in made] == list(range(COUNT))
    assert (made[7], made[-1]) == (result[7], result[-1])
    assert result[5:8] == made[5:8]
    assert pickle.loads(pickle.dumps(result)) == result
    assert result.reranked_documents == tuple(TEXTS)


async def test_a_deadline_leaves_time_to_score_what_was_read() -> None:
    def slow(document: str) -> str:
        time.sleep(0.001)
        return document

    model = First()
    result = await rerank(model, "q", TEXTS, text=slow, deadline=1.0)

    read = len(model.asked.documents)
    assert 0 < read < COUNT
    assert model.asked.deadline is not None
    assert model.asked.deadline > 0
    assert (len(result), result[0].metadata, result[-1].text) == (COUNT, {}, "")
    assert f"of {COUNT} documents" in result.warnings[-1].message


async def test_a_timeout_and_an_abort_are_heard_while_texts_are_read() -> None:
    token, read = threading.Event(), 0

    def slow(document: str) -> str:
        nonlocal read
        read += 1
        time.sleep(0.001)
        if read == 200:
            token.set()
        return document

    with pytest.raises(RerankTimeoutError):
        await rerank(First(), "q", TEXTS, text=slow, timeout=0.05)
    assert read < COUNT // 2
    read = 0
    with pytest.raises(RerankAbortedError) as caught:
        await rerank(First(), "q", TEXTS, text=slow, abort_event=token)
    assert caught.value.phase == "before_start"
    assert read < COUNT // 2


async def test_the_loop_runs_on_while_texts_are_read() -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await anyio.sleep(0.001)
            beats += 1

    def slow(document: str) -> str:
        time.sleep(0.0001)
        return document

    async with anyio.create_task_group() as group:
        group.start_soon(beat)
        await rerank(First(), "q", TEXTS[:5000], text=slow)
        group.cancel_scope.cancel()
    assert beats > 10


async def test_a_deadline_counts_from_the_call_on() -> None:
    # A machine that stands still for long enough leaves nothing scored; three times in a row is no accident.
    for _ in range(3):
        result = await rerank(LexicalReranker(), "document 7", TEXTS, top_k=5, deadline=0.5)
        assert len(result) == 5
        if all(ranked.metadata.get("scored", True) for ranked in result):
            return
    pytest.fail("Nothing was scored in half a second, three times in a row.")


def test_a_function_is_not_called_on_when_time_is_up() -> None:
    called: list[str] = []
    texts = uniform_texts(
        TEXTS, lambda one: called.append(one) or one, lambda part: tuple(part), lambda: True
    )

    assert texts == tuple(TEXTS[:SLICE_CALLED])
    assert len(called) == SLICE_CALLED


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ([1, 2.5], (1.0, 2.5)),
        ((0.0, 1), (0.0, 1.0)),
        ([1.0], None),
        ([1.0, float("nan")], None),
        ([1.0, True], None),
        ([1.0, "2"], None),
        ([1.0, 10**400], None),
        (None, None),
    ],
)
def test_plain_numbers_are_taken_together(numbers: object, found: object) -> None:
    assert uniform_numbers(numbers, 2) == found
