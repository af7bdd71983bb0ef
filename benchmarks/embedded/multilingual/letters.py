"""BM25 over runs of letters, a first stage for any language: three in a row, of Han and Thai text two; no word is known."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["LetterIndex", "runs"]

_K1, _B = 1.2, 0.75
_PAIRS = (("\u0e00", "\u0e7f"), ("\u3040", "\u30ff"), ("\u3400", "\u9fff"))
"""Scripts that put no spaces between words, in which two letters say about as much as three elsewhere."""


def runs(text: str) -> Iterator[str]:
    """Yield the runs of letters of a text's words, small and normalized (NFKC), with a mark at both ends of a word."""
    for word in "".join(
        letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in _folded(text)
    ).split():
        length = 2 if any(low <= letter <= high for letter in word for low, high in _PAIRS) else 3
        marked = f" {word} " if length == 3 else word
        if len(marked) <= length:
            yield marked
        for at in range(len(marked) - length + 1):
            yield marked[at : at + length]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


class LetterIndex:
    """Texts to be found again (Robertson and Zaragoza 2009, BM25).

    Args:
        texts: At least one.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(runs(text)) for text in texts]
        lengths = np.array([count.total() for count in counts], dtype=np.float64)
        norms = _K1 * (1 - _B + _B * lengths / lengths.mean())
        places: dict[str, list[tuple[int, float]]] = {}
        for at, count in enumerate(counts):
            for run, often in count.items():
                places.setdefault(run, []).append((at, often * (_K1 + 1) / (often + norms[at])))
        self._texts = len(texts)
        self._places = {
            run: (
                np.array([at for at, _ in found]),
                np.array([weight for _, weight in found]) * self._rarity(len(found)),
            )
            for run, found in places.items()
        }

    def _rarity(self, texts: int) -> float:
        return float(np.log1p((self._texts - texts + 0.5) / (texts + 0.5)))

    def scores(self, query: str) -> npt.NDArray[np.float64]:
        """Return the score of every text."""
        found = np.zeros(self._texts)
        for run in set(runs(query)):
            if run in self._places:
                at, weights = self._places[run]
                found[at] += weights
        return found

    def best(self, query: str, count: int) -> list[int]:
        """Return the places of the best texts, the best first, equal ones in their order."""
        order: list[int] = np.argsort(-self.scores(query), kind="stable")[:count].tolist()
        return order
