"""Token vectors in seven bits a number, or one: made once, compared by MaxSim with the same bits on every processor.

A vector of length 1 becomes whole numbers of -63 .. 63, its greatest one 63, and the float32 that makes their length 1 again.
In one bit, for documents alone, it is the signs of these numbers in other directions, and what makes their product with the
vector itself 1.
Products of whole numbers are exact, so it does not matter who adds them up in which order; the greatest one of a document is
found after one multiplication in float32 a pair of tokens, and what the query's tokens count is added in float64, in order. The
compiled kernels (`engines/native/kernels/maxsim.h`) and numpy therefore give the same bits.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import InferenceError
from localrank_transformers.call.contract import DocumentTokens

__all__ = [
    "GROUP",
    "LARGEST",
    "NO_IDS",
    "Bits",
    "ByNumpy",
    "Compare",
    "PackedDocument",
    "PackedQuery",
    "compare_by_numpy",
    "filled_width",
    "lengths_of",
    "not_finite",
    "pack_document",
    "pack_query",
    "token_bytes",
    "unpacked",
]

LARGEST = 63
"""Of a vector's whole numbers: AVX2 adds four products in int16, which holds 4 · 126 · 63. Nothing that can be measured is lost
against eight bits (docs/decisions/0032)."""

Bits: TypeAlias = Literal[7, 1]
"""Of each number of a document."""

_FLIPS = 0x9E3779B1
"""Whose product with a number's place has a bit that says whether it changes its sign."""

GROUP = 16
"""Tokens whose numbers lie together, as the kernels read them."""

_MULTIPLE = 8
"""What the width is filled up to with zeros."""

_A_TOKEN = 8
"""Bytes of a token besides its numbers: what makes its length 1, and -63 times the sum of its numbers."""


_SMALLEST_LENGTH = 1e-12
_SHORTEST = 1e-36
"""A vector without a greater number than this has no length: what it would be multiplied by is beyond float32."""

NO_IDS = array("i")
"""Of a document that is known: there is nothing to read."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PackedDocument(DocumentTokens):
    """A document's token vectors; there are no ids left to read.

    Attributes:
        data: As the kernels read them, uint8, shape (bytes,); see kernels/maxsim.h.
        tokens: How many are compared; 0 has no data.
        address: Where `data` lies in memory.
    """

    data: npt.NDArray[np.uint8]
    tokens: int
    address: int

    @classmethod
    def of(cls, data: npt.NDArray[np.uint8], tokens: int, *, truncated: bool) -> PackedDocument:
        """Return a document whose vectors lie in `data`, which stays where it is."""
        return cls(NO_IDS, truncated, data, tokens, int(data.ctypes.data))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PackedQuery:
    """A query's token vectors.

    Attributes:
        numbers: Whole numbers plus 63, uint8, shape (tokens, filled-up width).
        weights: What each token counts, together 1, times what makes its vector's length 1; float64, shape (tokens,).
        lowest: The result for a document without tokens: every cosine -1.
    """

    numbers: npt.NDArray[np.uint8]
    weights: npt.NDArray[np.float64]
    lowest: float


class Compare(Protocol):
    """Packs queries and documents, and compares a query with documents."""

    def pack(
        self,
        vectors: Sequence[npt.NDArray[np.float32]],
        counted: Sequence[npt.NDArray[Any] | None],
        truncated: Sequence[bool],
    ) -> list[PackedDocument]:
        """Make whole numbers of each document's vectors; see `pack_document`, whose bits these are."""
        ...

    def pack_query(
        self, vectors: npt.NDArray[np.float32], weights: npt.NDArray[np.float32] | None
    ) -> PackedQuery:
        """Make whole numbers of a query's vectors; see `pack_query`, whose bits these are."""
        ...

    def __call__(self, query: PackedQuery, documents: Sequence[PackedDocument]) -> npt.NDArray[np.float64]:
        """Return the weighted mean over the query's tokens of the best cosine in each document, shape (documents,)."""
        ...


def lengths_of(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the length of each vector, or the smallest number to divide by; shape (tokens,)."""
    lengths: npt.NDArray[np.float32] = np.sqrt(np.einsum("td,td->t", vectors, vectors))
    return np.maximum(lengths, np.float32(_SMALLEST_LENGTH))


@cache
def filled_width(width: int) -> int:
    """Return how many numbers of a token are kept, with the zeros behind the last one."""
    return -(-width // _MULTIPLE) * _MULTIPLE


@cache
def token_bytes(width: int, bits: Bits = 7) -> int:
    """Return the bytes of a document's token with so many numbers."""
    filled = filled_width(width)
    return filled // 8 + 1 if bits == 1 else filled + _A_TOKEN


def pack_document(
    vectors: npt.NDArray[np.float32],
    counted: npt.NDArray[Any] | None = None,
    *,
    truncated: bool = False,
    bits: Bits = 7,
) -> PackedDocument:
    """Make whole numbers of a document's vectors.

    Args:
        vectors: Of any length, shape (tokens, width).
        counted: 1 for each token that is compared, None for all.
        truncated: Whether the text was cut.
        bits: Of each number.

    Raises:
        InferenceError: A number is not finite.
    """
    kept = vectors if counted is None else vectors[counted.astype(bool)]
    numbers, scales = _whole(kept)
    if bits == 1:
        return PackedDocument.of(_signs(numbers), len(kept), truncated=truncated)
    tokens, width = numbers.shape
    data = np.empty(tokens * (width + _A_TOKEN), dtype=np.uint8)
    for first, last in _groups(tokens):
        fours = numbers[first:last].reshape(last - first, width // 4, 4).transpose(1, 0, 2)
        data[first * width : last * width] = fours.reshape(-1).view(np.uint8)
    behind = tokens * width
    data[behind : behind + 4 * tokens] = scales.view(np.uint8)
    data[behind + 4 * tokens :] = (-LARGEST * numbers.sum(axis=1, dtype=np.int32)).view(np.uint8)
    return PackedDocument.of(data, tokens, truncated=truncated)


def _signs(numbers: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """Return the signs of whole numbers, turned, as they lie, and their cosine with them."""
    tokens, width = numbers.shape
    wide = _turned(numbers)
    signs = np.packbits(wide >= 0, axis=1, bitorder="little")
    data = np.empty(tokens * (width // 8 + 1), dtype=np.uint8)
    for first, last in _groups(tokens):
        data[first * width // 8 : last * width // 8] = signs[first:last].T.reshape(-1)
    sums, squares = (each.sum(axis=1).astype(np.float32) for each in (np.abs(wide), wide * wide))
    lengths = np.sqrt(np.maximum(squares, np.float32(1)) * np.float32(width))
    data[tokens * width // 8 :] = np.rint(np.float32(255) * sums / lengths).astype(np.uint8)
    return data


def _turned(numbers: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Return vectors in other directions, in which the sign of each number says more; see `turn` of kernels/maxsim.c."""
    width = numbers.shape[1]
    block = width & -width
    flips = np.where(
        np.arange(width, dtype=np.uint64) * np.uint64(_FLIPS) >> np.uint64(31) & np.uint64(1), 1, -1
    )
    found = numbers.astype(np.int64)
    for _ in range(2):
        parts = (found * flips).reshape(len(found), width // block, block)
        half = 1
        while half < block:
            one, other = np.moveaxis(parts.reshape(*parts.shape[:2], block // (2 * half), 2, half), 3, 0)
            parts = np.stack((one + other, one - other), axis=3).reshape(parts.shape)
            half *= 2
        found = parts.transpose(0, 2, 1).reshape(len(found), width)
    return found


def _groups(tokens: int) -> Iterator[tuple[int, int]]:
    """Yield the first token of each group, and the one behind its last."""
    for first in range(0, tokens, GROUP):
        yield first, min(tokens, first + GROUP)


def pack_query(
    vectors: npt.NDArray[np.float32], weights: npt.NDArray[np.float32] | None = None, *, bits: Bits = 7
) -> PackedQuery:
    """Make whole numbers of a query's vectors.

    Args:
        vectors: Of any length, shape (tokens, width).
        weights: What each token counts, together 1; None for all the same.
        bits: Of a number of the documents that it meets.

    Raises:
        InferenceError: A number is not finite.
    """
    numbers, scales = _whole(vectors)
    if bits == 1:
        numbers, scales = _whole(_turned(numbers).astype(np.float32))
    counts = np.full(len(numbers), 1 / len(numbers)) if weights is None else weights.astype(np.float64)
    shifted = (numbers.astype(np.int16) + LARGEST).astype(np.uint8)
    return PackedQuery(shifted, counts * scales, -float(counts.sum()))


def unpacked(
    document: PackedDocument, width: int, bits: Bits = 7
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return a document's whole numbers, shape (tokens, filled-up width), and what makes each vector's length 1, (tokens,).

    Args:
        document: Packed.
        width: Numbers of a vector.
        bits: Of each number.
    """
    tokens, filled = document.tokens, filled_width(width)
    numbers = np.empty((tokens, filled), dtype=np.int8)
    size = filled // 8 if bits == 1 else filled
    for first, last in _groups(tokens):
        data = document.data[first * size : last * size]
        if bits == 1:
            signs = np.unpackbits(data.reshape(size, last - first).T, axis=1, bitorder="little")
            numbers[first:last] = 2 * signs.astype(np.int8) - 1
        else:
            fours = data.view(np.int8).reshape(filled // 4, last - first, 4)
            numbers[first:last] = fours.transpose(1, 0, 2).reshape(-1, filled)
    behind = tokens * size
    if bits == 1:
        cosines = document.data[behind:].astype(np.float32) * np.sqrt(np.float32(filled))
        return numbers, np.where(cosines > 0, np.float32(255) / np.maximum(cosines, 1), np.float32(0))
    return numbers, document.data[behind : behind + 4 * tokens].view(np.float32)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ByNumpy:
    """See `Compare`.

    Attributes:
        bits: Of a document's numbers.
    """

    bits: Bits = 7

    def pack(
        self,
        vectors: Sequence[npt.NDArray[np.float32]],
        counted: Sequence[npt.NDArray[Any] | None],
        truncated: Sequence[bool],
    ) -> list[PackedDocument]:
        """Pack documents."""
        return [
            pack_document(one, compared, truncated=is_cut, bits=self.bits)
            for one, compared, is_cut in zip(vectors, counted, truncated, strict=True)
        ]

    def pack_query(
        self, vectors: npt.NDArray[np.float32], weights: npt.NDArray[np.float32] | None
    ) -> PackedQuery:
        """Pack a query."""
        return pack_query(vectors, weights, bits=self.bits)

    def __call__(self, query: PackedQuery, documents: Sequence[PackedDocument]) -> npt.NDArray[np.float64]:
        """Compare; float32 holds every sum of these products exactly."""
        asked = query.numbers.astype(np.float32) - LARGEST
        found = np.full(len(documents), query.lowest)
        for at, document in enumerate(documents):
            if document.tokens:
                numbers, scales = unpacked(document, asked.shape[1], self.bits)
                best = (asked @ numbers.astype(np.float32).T * scales).max(axis=1)
                found[at] = np.cumsum(query.weights * best.astype(np.float64))[-1]
        return found


compare_by_numpy = ByNumpy()
"""Where there are no kernels."""


def _whole(vectors: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return whole numbers, filled up with zeros, and what makes the length of each vector 1; 0 for one without length."""
    greatest = np.abs(vectors).max(axis=1, initial=0.0)
    if not np.isfinite(greatest).all():
        raise not_finite()
    with np.errstate(divide="ignore", over="ignore"):
        factors = np.where(greatest > np.float32(_SHORTEST), np.float32(LARGEST) / greatest, np.float32(0))
    tokens, width = vectors.shape
    numbers = np.zeros((tokens, filled_width(width)), dtype=np.int8)
    numbers[:, :width] = np.rint(vectors * factors[:, None])
    squares = np.square(numbers, dtype=np.int32).sum(axis=1, dtype=np.int32).astype(np.float32)
    return numbers, np.where(
        squares > 0, np.float32(1) / np.sqrt(np.maximum(squares, np.float32(1))), np.float32(0)
    )


def not_finite() -> InferenceError:
    """Return the error for vectors that cannot be packed."""
    return InferenceError(
        "The model computed a number that is not finite.",
        hint="Its weights hold NaN or infinity, or are too large: fetch or export it again.",
    )
