"""BM25 of one query over a stream of texts."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator

import pytest

from localrank.evaluation import bm25_stream
from localrank.evaluation.bm25 import bm25_run
from localrank.evaluation.bm25_stream import BestByWords, best_by_bm25

WORDS = (
    "router",
    "late",
    "Delivery",
    "of",
    "the",
    "café",
    "x",
    "can't",
    "snake_case",
    "日本語",
    "n42",
    "ÅNGSTRÖM",
    "a",
    "—",
    "",
)


def best_of_library(query: str, texts: list[str], count: int) -> list[int]:
    run = bm25_run({str(place): text for place, text in enumerate(texts)}, {"q": query}, count)
    return [int(name) for name, _ in run["q"]]


@pytest.mark.parametrize("seed", range(40))
def test_the_order_is_that_of_bm25s(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25_stream, "BLOCK", 7)
    monkeypatch.setattr(bm25_stream, "PIECE", 20)
    draw = random.Random(seed)
    texts = [" ".join(draw.choices(WORDS, k=draw.randrange(12))) for _ in range(draw.randrange(1, 120))]
    query = " ".join(draw.choices((*WORDS, "unheard"), k=draw.randrange(1, 9)))
    count = draw.choice([1, 5, 50, 500])

    assert best_by_bm25(query, iter(texts), count).places == best_of_library(query, texts, count)


def test_no_texts_have_no_best_one() -> None:
    assert best_by_bm25("router", [], 3) == BestByWords([], holding=0, texts=0)


def test_what_holds_a_word_of_the_query_is_counted() -> None:
    found = best_by_bm25("late router", ["the router", "a train", "late, late"], 2)

    assert found == BestByWords([2, 0], holding=2, texts=3)


def test_notes_beyond_what_memory_holds_go_through_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25_stream, "BLOCK", 100)
    texts = [f"router {number % 7 * 'late '}" for number in range(1_000)]
    in_memory = best_by_bm25("late router", texts, 20)
    monkeypatch.setattr(bm25_stream, "IN_MEMORY", 64)

    assert best_by_bm25("late router", texts, 20) == in_memory


def test_memory_does_not_grow_with_the_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25_stream, "BLOCK", 1_000)
    monkeypatch.setattr(bm25_stream, "IN_MEMORY", 100_000)

    def peak(count: int) -> int:
        texts: Iterator[str] = (f"the router came late number{number}" for number in range(count))
        tracemalloc.start()
        try:
            best_by_bm25("late router", texts, 200)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1_000)

    assert peak(20_000) < 1.5 * peak(4_000)


def test_memory_does_not_grow_with_the_words_of_one_text() -> None:
    text = "the router came late " * 50_000
    tracemalloc.start()
    try:
        best_by_bm25("late router", [text], 1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 3 * len(text)
