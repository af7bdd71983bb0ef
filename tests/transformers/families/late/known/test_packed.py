"""Token vectors in seven bits: what they hold, how they lie, and that comparing them is cosine MaxSim."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank import InferenceError
from localrank_transformers.families.late.cosines import mean_of_best_cosines
from localrank_transformers.families.late.known.packed import (
    LARGEST,
    Bits,
    ByNumpy,
    compare_by_numpy,
    pack_document,
    pack_query,
    token_bytes,
    unpacked,
)

Vectors = np.ndarray[Any, np.dtype[np.float32]]

BITS: tuple[Bits, ...] = get_args(Bits)
SIZES = st.tuples(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**31))


def some(tokens: int, width: int, seed: int) -> Vectors:
    random = np.random.default_rng(seed)
    lengths = random.uniform(0.1, 20, (tokens, 1))
    return (random.standard_normal((tokens, width)) * lengths).astype(np.float32)


@given(SIZES)
def test_what_is_packed_comes_out_again_as_vectors_of_length_one(sizes: tuple[int, int, int]) -> None:
    tokens, width, _ = sizes
    vectors = some(*sizes)
    document = pack_document(vectors)
    numbers, scales = unpacked(document, width)
    assert (document.tokens, document.data.nbytes) == (tokens, tokens * token_bytes(width))
    assert np.abs(numbers[:, :width]).max(axis=1).tolist() == [LARGEST] * tokens
    assert not numbers[:, width:].any()
    found = numbers[:, :width] * scales[:, None]
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)
    cosines = (found * vectors).sum(axis=1) / np.linalg.norm(vectors, axis=1)
    assert cosines.min() > 0.999


@given(SIZES, st.integers(1, 20))
def test_comparing_is_the_mean_of_the_best_cosines_within_what_is_rounded(
    sizes: tuple[int, int, int], asked: int
) -> None:
    _, width, seed = sizes
    document, query = some(*sizes), some(asked, width, seed + 1)
    weights = np.random.default_rng(seed).random(asked).astype(np.float32)
    weights /= weights.sum()
    unit = query / np.linalg.norm(query, axis=1, keepdims=True)
    for counts in (None, weights):
        (found,) = compare_by_numpy(pack_query(query, counts), [pack_document(document)])
        assert found == pytest.approx(mean_of_best_cosines(unit, document, None, counts), abs=0.03)


def test_tokens_that_do_not_count_are_not_there() -> None:
    vectors, counted = some(5, 12, 3), np.array([1, 0, 1, 1, 0])
    document = pack_document(vectors, counted)
    alone = pack_document(vectors[counted.astype(bool)])
    assert document.tokens == 3
    np.testing.assert_array_equal(document.data, alone.data)


def test_a_document_without_tokens_is_as_far_from_the_query_as_can_be() -> None:
    document = pack_document(some(3, 12, 1), np.zeros(3, dtype=np.int64))
    found = compare_by_numpy(pack_query(some(4, 12, 2)), [document, pack_document(some(2, 12, 3))])
    assert found[0] == pytest.approx(-1.0)
    assert found[1] > -1.0


def test_a_vector_without_length_is_like_nothing() -> None:
    (found,) = compare_by_numpy(
        pack_query(some(2, 12, 1)), [pack_document(np.zeros((1, 12), dtype=np.float32))]
    )
    assert found == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    vectors = some(3, 12, 1)
    vectors[1, 4] = value
    for pack in (pack_document, pack_query):
        with pytest.raises(InferenceError, match="not finite"):
            pack(vectors)


def test_the_smallest_vectors_are_packed_as_others_are() -> None:
    vectors = some(3, 12, 1)
    tiny = (vectors / np.abs(vectors).max() * 1e-30).astype(np.float32)
    np.testing.assert_array_equal(
        unpacked(pack_document(tiny), 12)[0], unpacked(pack_document(tiny * np.float32(2**20)), 12)[0]
    )


@pytest.mark.parametrize("bits", BITS)
def test_documents_of_a_run_are_packed_each_as_it_would_be_alone(bits: Bits) -> None:
    vectors, counted = [some(3, 16, 1), some(5, 16, 2)], [None, np.array([1, 0, 1, 1, 0])]
    found = ByNumpy(bits).pack(vectors, counted, [False, True])
    for one, each, compared, is_cut in zip(found, vectors, counted, (False, True), strict=True):
        alone = pack_document(each, compared, truncated=is_cut, bits=bits)
        assert (one.tokens, one.truncated) == (alone.tokens, alone.truncated)
        np.testing.assert_array_equal(one.data, alone.data)


@given(st.tuples(st.integers(1, 40), st.integers(30, 400), st.integers(0, 2**31)))
def test_signs_hold_the_cosine_of_a_vector_with_itself_and_roughly_that_with_others(
    sizes: tuple[int, int, int],
) -> None:
    vectors = some(*sizes)
    document, compare = pack_document(vectors, bits=1), ByNumpy(1)
    assert document.data.nbytes == sizes[0] * token_bytes(sizes[1], 1)
    (itself,) = compare(compare.pack_query(vectors[:1], None), [pack_document(vectors[:1], bits=1)])
    assert itself == pytest.approx(1, abs=0.02)
    (opposite,) = compare(compare.pack_query(-vectors[:1], None), [pack_document(vectors[:1], bits=1)])
    assert opposite == pytest.approx(-1, abs=0.02)
    other = some(8, sizes[1], sizes[2] + 1)
    unit = other / np.linalg.norm(other, axis=1, keepdims=True)
    (found,) = compare(compare.pack_query(other, None), [document])
    assert found == pytest.approx(mean_of_best_cosines(unit, vectors), abs=4 / sizes[1] ** 0.5)


def test_signs_tell_vectors_apart_none_of_whose_numbers_is_negative() -> None:
    vectors = (1 + 0.2 * np.random.default_rng(1).random((20, 384))).astype(np.float32)
    numbers, _ = unpacked(pack_document(vectors, bits=1), 384, 1)
    assert len(np.unique(numbers, axis=0)) == 20


def test_signs_of_a_vector_without_length_are_like_nothing() -> None:
    (found,) = ByNumpy(1)(
        pack_query(some(2, 12, 1), bits=1), [pack_document(np.zeros((1, 12), dtype=np.float32), bits=1)]
    )
    assert found == 0.0
