"""A text that two calls want at once is read once; who is stopped or fails loses nobody else's, and nobody waits for ever."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank import InferenceError
from localrank_transformers.families.late.known.documents import Found, KnownDocuments
from localrank_transformers.families.late.known.memory import DocumentMemory
from localrank_transformers.families.late.known.packed import PackedDocument, pack_document

WAIT_S = 30


def packed(number: int) -> PackedDocument:
    return pack_document(np.full((2, 8), number + 1, np.float32))


def never() -> bool:
    return False


@pytest.fixture
def known() -> KnownDocuments:
    return KnownDocuments(b"model", DocumentMemory(1_000_000))


class Shelf:
    """What outlives the process, and notes which keys it was asked for."""

    def __init__(self) -> None:
        self.kept: dict[bytes, PackedDocument] = {}
        self.asked: list[bytes] = []

    def find(self, keys: Sequence[bytes]) -> list[PackedDocument | None]:
        self.asked += keys
        return [self.kept.get(key) for key in keys]

    def keep(self, documents: Sequence[tuple[bytes, PackedDocument]]) -> None:
        self.kept |= dict(documents)


class Reading:
    """What reads documents, in a thread that stays inside until it is let go."""

    def __init__(self) -> None:
        self.entered, self.go = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.asked: list[int] = []

    def __call__(self, places: list[int]) -> list[PackedDocument]:
        self.asked += places
        self.entered.set()
        assert self.go.wait(WAIT_S)
        if self.error is not None:
            raise self.error
        return [packed(place) for place in places]


def count(known: KnownDocuments, texts: Sequence[str], is_stopped: Callable[[], bool] = never) -> list[Found]:
    return known.read(
        [known.key(text) for text in texts], lambda places: [packed(at) for at in places], is_stopped
    )


def begun(
    known: KnownDocuments, pool: ThreadPoolExecutor, reading: Reading, texts: Sequence[str]
) -> Future[list[Found]]:
    future = pool.submit(known.read, [known.key(text) for text in texts], reading, never)
    assert reading.entered.wait(WAIT_S)
    return future


@given(st.text(), st.text())
def test_a_key_is_of_the_text_and_the_model_alone(one: str, other: str) -> None:
    model, same, another = (KnownDocuments(name) for name in (b"m", b"m", b"n"))
    assert model.key(one) == same.key(one)
    assert model.key(one) != another.key(one)
    assert (model.key(one) == model.key(other)) == (one == other)


def test_half_a_surrogate_has_a_key_of_its_own(known: KnownDocuments) -> None:
    assert len({known.key("a\ud800"), known.key("a\ufffd"), known.key("a\ud801")}) == 3


def test_what_another_call_reads_at_this_moment_is_waited_for(known: KnownDocuments) -> None:
    first, second = Reading(), Reading()
    second.go.set()
    with ThreadPoolExecutor() as pool:
        one = begun(known, pool, first, ["a", "b"])
        other = begun(known, pool, second, ["b", "c"])
        assert not other.done()
        first.go.set()
        a, b = one.result(WAIT_S)
        also_b, c = other.result(WAIT_S)
    assert (first.asked, second.asked) == ([0, 1], [1])
    assert [found.is_new for found in (a, b, also_b, c)] == [True, True, False, True]
    assert also_b.document is b.document


def test_what_was_not_kept_is_handed_over_all_the_same() -> None:
    known, first = KnownDocuments(b"model", DocumentMemory(1)), Reading()
    with ThreadPoolExecutor() as pool:
        one = begun(known, pool, first, ["a"])
        other = pool.submit(count, known, ["a"])
        while not other.running():
            pass
        first.go.set()
        assert one.result(WAIT_S)[0].document.tokens == other.result(WAIT_S)[0].document.tokens


def test_a_call_that_fails_or_is_stopped_does_not_lose_the_others(known: KnownDocuments) -> None:
    first = Reading()
    first.error = InferenceError("The run was stopped.")
    with ThreadPoolExecutor() as pool:
        one = begun(known, pool, first, ["a", "b"])
        other = pool.submit(count, known, ["b"])
        first.go.set()
        with pytest.raises(InferenceError):
            one.result(WAIT_S)
        (b,) = other.result(WAIT_S)
    assert b.is_new
    assert count(known, ["b"])[0].document is b.document
    assert count(known, ["a"])[0].is_new


def test_a_call_that_waits_can_be_stopped(known: KnownDocuments) -> None:
    first = Reading()
    with ThreadPoolExecutor() as pool:
        one = begun(known, pool, first, ["a"])
        with pytest.raises(InferenceError, match="stopped"):
            count(known, ["a"], lambda: True)
        first.go.set()
        assert one.result(WAIT_S)[0].is_new


def test_two_calls_that_want_each_others_texts_both_end(known: KnownDocuments) -> None:
    first, second = Reading(), Reading()
    with ThreadPoolExecutor() as pool:
        one = begun(known, pool, first, ["a"])
        other = begun(known, pool, second, ["b", "a"])
        third = pool.submit(count, known, ["a", "b"])
        second.go.set()
        first.go.set()
        found = [future.result(WAIT_S) for future in (one, other, third)]
    assert found[0][0].document is found[1][1].document is found[2][0].document
    assert found[1][0].document is found[2][1].document


def test_one_text_twice_in_a_unit_is_read_once(known: KnownDocuments) -> None:
    reading = Reading()
    reading.go.set()
    found = known.read([known.key("a")] * 2, reading, never)
    assert len(reading.asked) == 1
    assert found[0].document is found[1].document


def test_many_calls_at_once_read_each_text_once(known: KnownDocuments) -> None:
    texts, read, lock = [f"text {number}" for number in range(40)], [], threading.Lock()
    barrier = threading.Barrier(8)

    def call(seed: int) -> list[Found]:
        order = np.random.default_rng(seed).permutation(len(texts))
        barrier.wait(WAIT_S)
        found = []
        for start in range(0, len(order), 4):
            some = [texts[at] for at in order[start : start + 4]]

            def compute(places: list[int], some: list[str] = some) -> list[PackedDocument]:
                with lock:
                    read.extend(some[at] for at in places)
                return [packed(int(some[at].split()[1])) for at in places]

            found += known.read([known.key(text) for text in some], compute, never)
        return found

    with ThreadPoolExecutor(8) as pool:
        every = list(pool.map(call, range(8)))
    assert sorted(read) == sorted(texts)
    assert all(len(found) == len(texts) for found in every)


def test_without_a_store_what_memory_has_is_all_that_is_known(known: KnownDocuments) -> None:
    one, other = count(known, ["one", "other"])
    keys = [known.key(text) for text in ("new", "other", "one")]
    assert known.find(keys) == [None, other.document, one.document]


def test_what_is_read_is_kept_in_the_store_and_only_what_memory_lacks_is_looked_up_there() -> None:
    shelf = Shelf()
    first = KnownDocuments(b"model", DocumentMemory(1_000_000), shelf)
    (one,) = count(first, ["one"])
    assert shelf.kept == {first.key("one"): one.document}

    shelf.asked.clear()
    assert first.find([first.key("one"), first.key("new")]) == [one.document, None]
    assert shelf.asked == [first.key("new")]

    after = KnownDocuments(b"model", None, shelf)
    (found,) = count(after, ["one"])
    assert found == Found(one.document, is_new=False)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_waits_for_no_thread_of_its_parent(known: KnownDocuments) -> None:
    reading = Reading()
    with ThreadPoolExecutor(1) as pool:
        future = begun(known, pool, reading, ["one"])
        child = os.fork()
        if not child:  # where nobody reads on what the parent reads
            (found,) = count(known, ["one"], is_stopped=lambda: True)
            os._exit(0 if found.is_new else 1)
        assert os.waitpid(child, 0)[1] == 0
        reading.go.set()
        assert future.result(WAIT_S)[0].is_new
