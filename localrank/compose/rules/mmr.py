"""Maximal marginal relevance: the next best document that is not like those already chosen. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain

__all__ = ["Similarity", "cosine_similarity", "marginal_order", "word_similarity"]

Similarity = Callable[[int, Sequence[int]], list[float]]
"""Returns how alike one document and several others are, by their positions: 0 (nothing in common) to 1 (the same)."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_FEWEST_FOR_COMMON = 4


def marginal_order(
    relevance: Sequence[float], similarity: Similarity, *, lambda_: float, count: int
) -> list[int]:
    """Return the positions of the `count` documents chosen, in the order chosen.

    Each step takes the largest λ · relevance − (1 − λ) · (largest similarity to a chosen one): Carbonell and Goldstein, "The
    Use of MMR, Diversity-Based Reranking", SIGIR 1998. Ties go to the earlier position.

    Args:
        relevance: One a document, in 0–1.
        similarity: Of one position and several.
        lambda_: 1 looks at relevance alone, 0 at difference alone.
        count: How many to choose.
    """
    gains = [lambda_ * value for value in relevance]
    nearest = [0.0] * len(gains)
    left = list(range(len(gains)))
    chosen: list[int] = []
    while left and len(chosen) < count:
        best = max(left, key=gains.__getitem__)
        chosen.append(best)
        left.remove(best)
        for position, alike in zip(left, similarity(best, left), strict=True):
            if alike > nearest[position]:
                gains[position] -= (1 - lambda_) * (alike - nearest[position])
                nearest[position] = alike
    return chosen


def word_similarity(texts: Sequence[str]) -> Similarity:
    """Return the cosine of the texts' sets of words; words in more than half of four or more texts do not count.

    Sets are integers with one bit a word, so one comparison costs well under a microsecond.
    """
    words = [set(_WORD.findall(text.casefold())) for text in texts]
    spread = Counter(chain.from_iterable(words))
    most = len(texts) / 2 if len(texts) >= _FEWEST_FOR_COMMON else len(texts)
    common = {word for word, texts_with in spread.items() if texts_with > most}
    shared = (word for word, texts_with in spread.items() if 1 < texts_with <= most)
    bits = {word: 1 << position for position, word in enumerate(shared)}
    signatures = [sum(map(bits.__getitem__, own & bits.keys())) for own in words]
    lengths = [len(own) - len(own & common) for own in words]
    scales = [1 / math.sqrt(length) if length else 0.0 for length in lengths]

    def similarity(index: int, others: Sequence[int]) -> list[float]:
        if not lengths[index]:
            return [float(words[index] == words[other]) for other in others]
        mine, scale = signatures[index], scales[index]
        return [(mine & signatures[other]).bit_count() * scale * scales[other] for other in others]

    return similarity


def cosine_similarity(vectors: Sequence[Sequence[float]]) -> Similarity:
    """Return the cosine of the texts' vectors, negative ones as 0."""
    units = [_unit(vector) for vector in vectors]

    def similarity(index: int, others: Sequence[int]) -> list[float]:
        mine = units[index]
        return [max(0.0, sum(map(float.__mul__, mine, units[other]))) for other in others]

    return similarity


def _unit(vector: Sequence[float]) -> list[float]:
    values = [float(value) for value in vector]
    length = math.sqrt(math.fsum(value * value for value in values))
    return [value / length for value in values] if length else values
