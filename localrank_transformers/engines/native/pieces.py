"""Words into pieces in the compiled kernels, for tokenizers of SentencePiece's kind."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from localrank_transformers.engines.native.library import GivenPieces, Kernels, library

if TYPE_CHECKING:  # most models have no such tokenizer
    from localrank_transformers.models.folder.stated.unigram import FindPieces, PieceTable

__all__ = ["NativePieces", "fastest_pieces"]


def fastest_pieces() -> FindPieces | None:
    """Return what makes a `PieceTable` of the kernels; None where no kernels can run.

    Raises:
        ModelLoadError: The environment names kernels that cannot run; see `library`.
    """
    kernels = library()
    return None if kernels is None else lambda table: NativePieces(kernels, table)


class NativePieces:
    """See `Pieces`. Any number of threads may call it at once.

    Args:
        kernels: See `library`.
        table: The pieces.

    Raises:
        MemoryError: There is none for the tree.
    """

    def __init__(self, kernels: Kernels, table: PieceTable) -> None:
        self._functions = kernels.functions
        lengths = np.fromiter(map(len, table.pieces), np.int32, len(table.pieces))
        scores = np.array(table.scores, dtype=np.float64)
        given = GivenPieces(
            b"".join(table.pieces),
            lengths.ctypes.data,
            scores.ctypes.data,
            len(lengths),
            table.unknown,
            table.at_blanks,
        )
        made = self._functions.localrank_unigram_new(ctypes.byref(given))
        if not made:
            raise MemoryError
        self._tree = made
        # at the end of the process a thread may still read
        weakref.finalize(self, self._functions.localrank_unigram_free, made).atexit = False

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
