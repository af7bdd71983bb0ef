"""MaxSim in the compiled kernels: a query against all documents of a list in one call."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank_transformers.engines.native.library import GivenQuery, Kernels, library
from localrank_transformers.families.late.known.packed import (
    NO_IDS,
    Bits,
    ByNumpy,
    Compare,
    PackedDocument,
    PackedQuery,
    filled_width,
    not_finite,
    pack_document,
    pack_query,
    token_bytes,
)

__all__ = ["NativeCompare", "fastest_compare"]

_WIDEST = 4096
"""`MOST_WIDTH` of kernels/maxsim.h."""


def fastest_compare(bits: Bits = 7) -> Compare:
    """Return the kernels where some can run, or else numpy; both give the same bits.

    Args:
        bits: Of a document's numbers.

    Raises:
        ModelLoadError: The environment names kernels that cannot run; see `library`.
    """
    kernels = library()
    return ByNumpy(bits) if kernels is None else NativeCompare(kernels, bits)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NativeCompare:
    """See `Compare`. Any number of threads may call it at once; each computes in its own.

    Attributes:
        kernels: See `library`.
        bits: Of a document's numbers.
    """

    kernels: Kernels
    bits: Bits = 7

    def pack(
        self,
        vectors: Sequence[npt.NDArray[np.float32]],
        counted: Sequence[npt.NDArray[Any] | None],
        truncated: Sequence[bool],
    ) -> list[PackedDocument]:
        """Make whole numbers of each document's vectors; see `pack_document`, whose bits these are.

        Raises:
            InferenceError: A number is not finite.
        """
        return [self._pack(*one) for one in zip(vectors, counted, truncated, strict=True)]

    def _pack(
        self,
        vectors: npt.NDArray[np.float32],
        counted: npt.NDArray[Any] | None,
        is_cut: bool,  # noqa: FBT001  # a column of three
    ) -> PackedDocument:
        tokens, width = vectors.shape
        if width > _WIDEST:
            return pack_document(vectors, counted, truncated=is_cut, bits=self.bits)
        given = np.ascontiguousarray(vectors, dtype=np.float32)
        chosen = None if counted is None else np.ascontiguousarray(counted, dtype=np.int64)
        kept = tokens if chosen is None else int(np.count_nonzero(chosen))
        data = np.empty(kept * token_bytes(width, self.bits), dtype=np.uint8)
        address = int(data.ctypes.data)
        is_finite = self.kernels.functions.localrank_pack(
            given.ctypes.data,
            None if chosen is None else chosen.ctypes.data,
            tokens,
            width,
            kept,
            self.bits,
            address,
            self.kernels.number,
        )
        if not is_finite:
            raise not_finite()
        return PackedDocument(NO_IDS, is_cut, data, kept, address)

    def pack_query(
        self, vectors: npt.NDArray[np.float32], weights: npt.NDArray[np.float32] | None
    ) -> PackedQuery:
        """Make whole numbers of a query's vectors; see `pack_query` beside it, whose bits these are.

        Raises:
            InferenceError: A number is not finite.
        """
        tokens, width = vectors.shape
        if width > _WIDEST:
            return pack_query(vectors, weights, bits=self.bits)
        given = np.ascontiguousarray(vectors, dtype=np.float32)
        numbers = np.empty((tokens, filled_width(width)), dtype=np.uint8)
        scales = np.empty(tokens, dtype=np.float32)
        is_finite = self.kernels.functions.localrank_pack_query(
            given.ctypes.data,
            tokens,
            width,
            self.bits,
            numbers.ctypes.data,
            scales.ctypes.data,
            self.kernels.number,
        )
        if not is_finite:
            raise not_finite()
        counts = np.full(tokens, 1 / tokens) if weights is None else weights.astype(np.float64)
        return PackedQuery(numbers, counts * scales, -float(counts.sum()))

    def __call__(self, query: PackedQuery, documents: Sequence[PackedDocument]) -> npt.NDArray[np.float64]:
        """Return the weighted mean over the query's tokens of the best cosine in each document, shape (documents,)."""
        asked, width = query.numbers.shape
        if width > _WIDEST:
            return ByNumpy(self.bits)(query, documents)
        tokens = np.array([document.tokens for document in documents], dtype=np.int32)
        addresses = np.array([document.address for document in documents], dtype=np.uintp)
        found = np.full(len(documents), query.lowest)
        some = np.flatnonzero(tokens)
        given = GivenQuery(query.numbers.ctypes.data, query.weights.ctypes.data, asked, width, self.bits)
        out = found if len(some) == len(documents) else np.empty(len(some))
        if len(some) < len(documents):
            tokens, addresses = tokens[some], addresses[some]
        self.kernels.functions.localrank_compare(
            ctypes.byref(given),
            addresses.ctypes.data,
            tokens.ctypes.data,
            len(tokens),
            out.ctypes.data,
            self.kernels.number,
        )
        if out is not found:
            found[some] = out
        return found
