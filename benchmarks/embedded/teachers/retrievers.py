"""What the teachers think of a query's documents: cosines of embeddings and BM25, mixed into one distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["COSINE_TEMPERATURE", "Candidates", "Lexical", "mixed_logits", "nearest", "softmax"]

COSINE_TEMPERATURE = 0.05
"""all-MiniLM-L6-v2 was trained with cosines times 20 (its model card)."""

_BM25_TEMPERATURE = 3.0
"""Makes BM25's distributions over 16 candidates about as peaked as the bi-encoder's; measured on the training queries."""

_BM25_SHARE = 0.25

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidates:
    """The nearest passages of each query: rows of places and of scores, best first."""

    places: NDArray[np.int64]
    scores: Floats


def nearest(queries: Floats, passages: Floats, count: int) -> Candidates:
    """Return the `count` passages of the highest cosine."""
    places, scores = [], []
    for start in range(0, len(queries), 512):
        block = queries[start : start + 512] @ passages.T
        best = np.argpartition(-block, count, axis=1)[:, :count]
        own = np.take_along_axis(block, best, axis=1)
        order = np.argsort(-own, axis=1)
        places.append(np.take_along_axis(best, order, axis=1))
        scores.append(np.take_along_axis(own, order, axis=1))
    return Candidates(np.concatenate(places), np.concatenate(scores))


class Lexical:
    """BM25 over the passages, by bm25s with its defaults."""

    def __init__(self, passages: Sequence[str]) -> None:
        import bm25s  # type: ignore[import-untyped]  # noqa: PLC0415 - in the bench extra

        self._bm25s = bm25s
        self._index = bm25s.BM25()
        self._index.index(bm25s.tokenize(list(passages), show_progress=False), show_progress=False)
        self._places = {text: place for place, text in enumerate(passages)}

    def nearest(self, queries: Sequence[str], count: int) -> Candidates:
        """Return the `count` best passages of each query."""
        tokens = self._bm25s.tokenize(list(queries), show_progress=False)
        places, scores = self._index.retrieve(tokens, k=count, show_progress=False)
        return Candidates(np.asarray(places, dtype=np.int64), np.asarray(scores, dtype=np.float32))

    def scores(self, query: str, passages: Sequence[str]) -> Floats:
        """Return the score of each of some of the passages."""
        words = self._bm25s.tokenize(query, return_ids=False, show_progress=False)[0]
        found = self._index.get_scores(words) if words else np.zeros(len(self._places))
        return np.asarray(found[[self._places[text] for text in passages]], dtype=np.float32)


def mixed_logits(cosines: Floats, lexical: Floats | None) -> Floats:
    """Return the logarithm of the mean of the teachers' distributions over one list.

    Distributions are averaged, not logits, so that what one teacher is sure of stays, as in the fusion of rankings.

    Args:
        cosines: One a document.
        lexical: BM25 scores, one a document; None where it has no say.
    """
    mixed = softmax(cosines / COSINE_TEMPERATURE)
    if lexical is not None:
        mixed = (1 - _BM25_SHARE) * mixed + _BM25_SHARE * softmax(lexical / _BM25_TEMPERATURE)
    return np.log(mixed + 1e-6).astype(np.float32)


def softmax(values: Floats) -> Floats:
    """Return the distribution over one list."""
    powers = np.exp(values - values.max())
    return np.asarray(powers / powers.sum(), dtype=np.float32)
