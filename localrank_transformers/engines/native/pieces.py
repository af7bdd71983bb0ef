"""Words into pieces in the compiled kernels, for tokenizers of SentencePiece's kind."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from localrank_transformers.engines.native.library import GivenPieces, GivenRoom, Kernels, library

if TYPE_CHECKING:  # most models have no such tokenizer
    from localrank_transformers.models.folder.stated.unigram import PieceTable

__all__ = ["NativeFinder", "NativePieces", "fastest_finder"]

_SHORTEST = 6
"""Bytes of a piece's entry in JSON: `["",0]`."""


def fastest_finder() -> NativeFinder | None:
    """Return the kernels as what finds pieces; None where none can run.

    Raises:
        ModelLoadError: The environment names kernels that cannot run; see `library`.
    """
    kernels = library()
    return None if kernels is None else NativeFinder(kernels)


class NativeFinder:
    """See `PieceFinder`.

    Args:
        kernels: See `library`.
    """

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels

    def table(self, content: bytes, start: int) -> PieceTable | None:
        """Read the array of pieces that begins at `start` of a tokenizer's file; None where it is none."""
        from localrank_transformers.models.folder.stated.unigram import PieceTable  # noqa: PLC0415

        given = np.frombuffer(content, dtype=np.uint8)[start:]
        most = len(given) // _SHORTEST + 1
        pieces = np.empty(len(given), dtype=np.uint8)
        lengths, scores = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.float64)
        room = GivenRoom(pieces.ctypes.data, lengths.ctypes.data, scores.ctypes.data)
        read = ctypes.c_int64()
        count = self._kernels.functions.localrank_vocabulary_read(
            given.ctypes.data, len(given), ctypes.byref(room), ctypes.byref(read)
        )
        if count < 0:
            return None
        found = lengths[:count].copy()
        return PieceTable(pieces[: found.sum()].tobytes(), found, scores[:count].copy(), start + read.value)

    def pieces(self, table: PieceTable, *, unknown: int, at_blanks: bool) -> NativePieces:
        """Make a vocabulary ready to be searched; see `PieceFinder`."""
        return NativePieces(self._kernels, table, unknown=unknown, at_blanks=at_blanks)


class NativePieces:
    """See `Pieces`. Any number of threads may call it at once.

    Args:
        kernels: See `library`.
        table: The pieces.
        unknown: The id of what is no piece.
        at_blanks: Whether texts are split at white space.

    Raises:
        MemoryError: There is none for the tree.
    """

    def __init__(self, kernels: Kernels, table: PieceTable, *, unknown: int, at_blanks: bool) -> None:
        self._functions = kernels.functions
        content = np.frombuffer(table.pieces, dtype=np.uint8)
        given = GivenPieces(
            content.ctypes.data,
            table.lengths.ctypes.data,
            table.scores.ctypes.data,
            len(table.lengths),
            unknown,
            at_blanks,
        )
        made = self._functions.localrank_unigram_new(ctypes.byref(given))
        if not made:
            raise MemoryError
        self._tree = made
        freeing = weakref.finalize(self, self._functions.localrank_unigram_free, made)
        freeing.atexit = False  # a thread may still read

    def id(self, piece: str) -> int | None:
        """Return the id of a piece; None if it is none."""
        content = piece.encode()
        found: int = self._functions.localrank_unigram_id(self._tree, content, len(content))
        return None if found < 0 else found

    def ids(self, text: str) -> Sequence[int]:
        """Return the ids of a normalized text; see `Pieces`.

        Raises:
            MemoryError: There is none for them.
        """
        content = text.encode()
        out = np.empty(2 * len(content) + 2, dtype=np.int32)
        count = self._functions.localrank_unigram_read(self._tree, content, len(content), out.ctypes.data)
        if count < 0:
            raise MemoryError
        found: list[int] = out[:count].tolist()
        return found
