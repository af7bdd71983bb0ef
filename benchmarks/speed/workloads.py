"""Queries and documents of known length, cut from real text at token borders; every draw is seeded."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.common.texts import Texts

__all__ = ["LENGTHS", "SIZES", "DocumentSet", "Lengths", "Spans", "draw", "draw_lengths"]

_WINDOW = 512
"""Tokens of the longest pair."""

SIZES = (5, 10, 20, 50, 100, 1000)
SETS = 5
"""Different sets that the repetitions rotate through, so that no system sees the same shapes twice in a row."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """A log-normal distribution of tokens a document.

    Attributes:
        median: Of the distribution.
        sigma: Of its logarithm.
        low: Nothing is shorter.
        high: Nothing is longer.
    """

    median: float
    sigma: float
    low: int
    high: int


LENGTHS = {"short": Lengths(30, 0.3, 8, 96), "mixed": Lengths(120, 0.7, 16, 512)}


class Spans(Protocol):
    """Gives the (start, end) characters of each token of a text, without special tokens."""

    def __call__(self, text: str, /) -> Sequence[tuple[int, int]]:
        """Return one span a token."""
        ...


@dataclass(frozen=True, slots=True)
class DocumentSet:
    """A query with its documents.

    Attributes:
        query: The query.
        documents: The documents.
        pair_tokens: Tokens of each pair with its three special tokens, at most 512.
    """

    query: str
    documents: list[str]
    pair_tokens: list[int]


def draw_lengths(lengths: Lengths, count: int, *, seed: str) -> list[int]:
    """Return `count` numbers of tokens."""
    dice = random.Random(seed)  # noqa: S311 - sampling, no secret
    drawn = (dice.lognormvariate(math.log(lengths.median), lengths.sigma) for _ in range(count))
    return [min(lengths.high, max(lengths.low, round(value))) for value in drawn]


def draw(texts: Texts, spans: Spans, kind: str, count: int, number: int) -> DocumentSet:
    """Return set `number` of `count` documents.

    Args:
        texts: Where they are cut from; a text that is too short is continued by the next one.
        spans: The tokenizer.
        kind: A key of `LENGTHS`, or `exactly N` for documents of N tokens.
        count: How many documents.
        number: Which set; the same arguments give the same set.
    """
    seed = f"{kind}:{count}:{number}"
    dice = random.Random(seed)  # noqa: S311
    query = dice.choice(texts.queries)
    documents, pairs = [], []
    query_tokens = len(spans(query))
    for length in draw_lengths(_lengths(kind), count, seed=seed):
        document, tokens = _cut(texts.documents, dice.randrange(len(texts.documents)), length, spans)
        documents.append(document)
        pairs.append(min(_WINDOW, query_tokens + tokens + 3))
    return DocumentSet(query, documents, pairs)


def _lengths(kind: str) -> Lengths:
    exact = kind.removeprefix("exactly ")
    return LENGTHS[kind] if kind in LENGTHS else Lengths(int(exact), 0.0, int(exact), int(exact))


def _cut(documents: Sequence[str], start: int, length: int, spans: Spans) -> tuple[str, int]:
    text, step = documents[start], 1
    borders = spans(text)
    while len(borders) < length and step < len(documents):
        text = f"{text} {documents[(start + step) % len(documents)]}"
        borders = spans(text)
        step += 1
    kept = min(length, len(borders))
    return text[: borders[kept - 1][1]] if kept else text, kept
