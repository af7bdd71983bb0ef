"""Packed documents in memory: found by their keys, the longest unused makes room, never more than there is room for."""

from __future__ import annotations

import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from localrank_transformers.families.late.known.memory import A_DOCUMENT, DocumentMemory
from localrank_transformers.families.late.known.packed import PackedDocument, pack_document, token_bytes

WIDTH = 12
SIZE = 3 * token_bytes(WIDTH) + A_DOCUMENT


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def document(number: int, tokens: int = 3) -> PackedDocument:
    vectors = np.zeros((tokens, WIDTH), np.float32)
    vectors[:, 0], vectors[:, 1] = 50, number
    return pack_document(vectors)


def test_what_is_kept_is_found_by_its_key() -> None:
    memory, kept = DocumentMemory(10_000), document(1)
    memory.keep(key(1), kept)
    assert memory.find([key(2), key(1)]) == [None, kept]


def test_the_longest_unused_makes_room() -> None:
    memory = DocumentMemory(2 * SIZE)
    for number in (1, 2):
        memory.keep(key(number), document(number))
    memory.find([key(1)])
    memory.keep(key(3), document(3))
    assert [found is not None for found in memory.find([key(1), key(2), key(3)])] == [True, False, True]


def test_what_is_as_large_as_the_room_is_kept() -> None:
    memory = DocumentMemory(SIZE)
    memory.keep(key(1), document(1))
    assert (len(memory), memory.held_bytes) == (1, SIZE)


def test_what_is_larger_than_the_room_pushes_nothing_out_and_its_size_is_told() -> None:
    told: list[int] = []
    memory = DocumentMemory(2 * SIZE, told.append)
    memory.keep(key(1), document(1))
    memory.keep(key(2), document(2, tokens=100))
    assert len(memory) == 1
    assert told == [100 * token_bytes(WIDTH) + A_DOCUMENT]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 20)), max_size=60), st.integers(0, 3_000))
def test_never_more_is_held_than_there_is_room_for(steps: list[tuple[int, int]], room: int) -> None:
    memory = DocumentMemory(room)
    for number, tokens in steps:
        memory.keep(key(number), document(number, tokens))
        assert 0 <= memory.held_bytes <= room


def test_many_threads_may_use_it() -> None:
    memory, wrong = DocumentMemory(20 * SIZE), []
    documents = [document(number) for number in range(50)]

    def work(seed: int) -> None:
        for step in range(2_000):
            number = (seed * 31 + step * 7) % 50
            (found,) = memory.find([key(number)])
            if found is None:
                memory.keep(key(number), documents[number])
            elif found is not documents[number]:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert memory.held_bytes <= 20 * SIZE
