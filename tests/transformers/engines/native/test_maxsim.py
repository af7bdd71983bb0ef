"""MaxSim in the kernels: numpy's bits, whichever of them compute, whatever the sizes and the neighbours in memory."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank import InferenceError
from localrank_transformers.engines.native.library import Kernels, usable
from localrank_transformers.engines.native.maxsim import NativeCompare, fastest_compare
from localrank_transformers.families.late.known.packed import (
    Bits,
    ByNumpy,
    PackedDocument,
    PackedQuery,
    compare_by_numpy,
    pack_document,
    pack_query,
)
from tests.support.painted_stack import bytes_taken

BITS: tuple[Bits, ...] = get_args(Bits)

pytestmark = pytest.mark.skipif(not usable(), reason="no kernels can run here")


def some(random: np.random.Generator, tokens: int, width: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return random.standard_normal((tokens, width)).astype(np.float32)


def at_the_end_of_its_memory(document: PackedDocument) -> PackedDocument:
    """Return the document where nothing that belongs to it lies behind it."""
    place = np.full(document.data.nbytes + 64, 0x7F, dtype=np.uint8)
    place[: document.data.nbytes] = document.data
    return PackedDocument.of(place[: document.data.nbytes], document.tokens, truncated=False)


@pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)
@given(
    asked=st.integers(1, 150),
    width=st.integers(1, 140),
    lengths=st.lists(st.integers(0, 70), min_size=1, max_size=6),
    bits=st.sampled_from(BITS),
    seed=st.integers(0, 2**31),
)
def test_the_bits_are_numpys(
    *, kernels: Kernels, asked: int, width: int, lengths: list[int], bits: Bits, seed: int
) -> None:
    random = np.random.default_rng(seed)
    query = pack_query(some(random, asked, width), bits=bits)
    documents = [
        at_the_end_of_its_memory(pack_document(some(random, length, width), bits=bits)) for length in lengths
    ]
    found = NativeCompare(kernels, bits)(query, documents)
    assert found.tobytes() == ByNumpy(bits)(query, documents).tobytes()


@pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)
def test_the_greatest_numbers_there_can_be_are_added_exactly(kernels: Kernels) -> None:
    ones = np.ones((20, 1024), dtype=np.float32)
    query, documents = pack_query(ones), [pack_document(ones), pack_document(-ones)]
    found = NativeCompare(kernels)(query, documents)
    assert found == pytest.approx([1.0, -1.0], abs=1e-6)
    assert found.tobytes() == compare_by_numpy(query, documents).tobytes()


@pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)
@given(
    tokens=st.integers(0, 70),
    width=st.integers(1, 140),
    scale=st.sampled_from([1e-45, 1e-38, 1e-20, 1.0, 1e20, 1e37]),
    leaves_out=st.booleans(),
    bits=st.sampled_from(BITS),
    seed=st.integers(0, 2**31),
)
def test_documents_are_packed_as_numpy_packs_them(
    *, kernels: Kernels, tokens: int, width: int, scale: float, leaves_out: bool, bits: Bits, seed: int
) -> None:
    random = np.random.default_rng(seed)
    vectors = (some(random, tokens, width) * scale).astype(np.float32)
    vectors[random.random(tokens) < 0.1] = 0
    counted = random.integers(0, 2, tokens) if leaves_out else None
    (found,) = NativeCompare(kernels, bits).pack([vectors], [counted], [leaves_out])
    expected = pack_document(vectors, counted, truncated=leaves_out, bits=bits)
    assert (found.tokens, found.truncated) == (expected.tokens, expected.truncated)
    assert found.data.tobytes() == expected.data.tobytes()


@pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)
@given(
    tokens=st.integers(1, 70),
    width=st.integers(1, 140),
    is_weighted=st.booleans(),
    bits=st.sampled_from(BITS),
    seed=st.integers(0, 2**31),
)
def test_queries_are_packed_as_numpy_packs_them(
    *, kernels: Kernels, tokens: int, width: int, is_weighted: bool, bits: Bits, seed: int
) -> None:
    random = np.random.default_rng(seed)
    vectors = some(random, tokens, width)
    vectors[random.random(tokens) < 0.1] = 0
    weights = random.random(tokens).astype(np.float32) if is_weighted else None
    found = NativeCompare(kernels, bits).pack_query(vectors, weights)
    expected = pack_query(vectors, weights, bits=bits)
    assert found.numbers.tobytes() == expected.numbers.tobytes()
    assert found.weights.tobytes() == expected.weights.tobytes()
    assert (found.numbers.shape, found.lowest) == (expected.numbers.shape, expected.lowest)


@pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_packed(kernels: Kernels, value: float) -> None:
    vectors = np.ones((5, 40), dtype=np.float32)
    vectors[3, 37] = value
    with pytest.raises(InferenceError, match="not finite"):
        NativeCompare(kernels).pack([vectors], [None], [False])
    with pytest.raises(InferenceError, match="not finite"):
        NativeCompare(kernels).pack_query(vectors, None)


def test_what_is_wider_than_the_kernels_take_is_compared_by_numpy() -> None:
    random = np.random.default_rng(1)
    compare, vectors = fastest_compare(), some(random, 3, 4200)
    query, documents = compare.pack_query(vectors, None), compare.pack([vectors], [None], [False])
    assert compare(query, documents).tobytes() == compare_by_numpy(query, documents).tobytes()


def test_many_threads_compare_at_once() -> None:
    random = np.random.default_rng(1)
    documents = [pack_document(some(random, length, 384)) for length in range(1, 60)]
    queries = [pack_query(some(random, asked, 384)) for asked in range(1, 30)]
    expected = [compare_by_numpy(query, documents).tobytes() for query in queries]

    def bits(query: PackedQuery) -> bytes:
        return fastest_compare()(query, documents).tobytes()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(bits, queries * 3)) == expected * 3


@pytest.mark.skipif(sys.platform != "linux", reason="paints a stack of Linux's threads")
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)
def test_vectors_of_a_usual_width_fit_a_small_stack(kernels: Kernels, bits: Bits) -> None:
    random, compare = np.random.default_rng(0), NativeCompare(kernels, bits)
    asked, read = some(random, 5, 384), some(random, 37, 384)

    def whole() -> None:
        compare(compare.pack_query(asked, None), compare.pack([read], [None], [False]))

    whole()  # what is only done once is done
    assert bytes_taken(whole) < bytes_taken(lambda: None) + (24 << 10)
