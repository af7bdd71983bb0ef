"""A long text into overlapping chunks of tokens that end where a line or a sentence ends, and their scores into one. Pure."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

__all__ = ["Pool", "Span", "chunk_spans", "pooled", "surely_short", "word_spans"]

Pool = Literal["max", "first", "mean", "top3"]

Span = tuple[int, int]
"""The characters from a start up to an end."""

_LONGEST_WORD = 16
_NO_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_NO_SPACES}]|[^\s{_NO_SPACES}]{{1,{_LONGEST_WORD}}}")

_BORDER = re.compile(r"\n\s*|[.!?…]+[\"'”’)\]]*\s+|[。！？｡]+[」』）”’]*\s*")
"""What ends a line or a sentence; the border is where it ends."""


def word_spans(text: str) -> list[Span]:
    """Return the span of each word, for a model whose tokens are unknown.

    A word is a run of at most 16 characters without white space; in scripts written without spaces, one character.
    """
    return [match.span() for match in _WORD.finditer(text)]


def surely_short(text: str, chunk_tokens: int, *, words: bool) -> bool:
    """Return True only where `text` has at most `chunk_tokens` tokens, without counting them one by one.

    Args:
        text: The text.
        chunk_tokens: The limit.
        words: Whether tokens are those of `word_spans`; a model's own token is at least one byte of UTF-8.
    """
    if len(text) <= chunk_tokens and (words or text.isascii()):
        return True
    if not words:
        return len(text.encode("utf-8", "surrogatepass")) <= chunk_tokens
    return text.isascii() and len(text.split()) + len(text) // _LONGEST_WORD <= chunk_tokens


def chunk_spans(text: str, tokens: Sequence[Span], *, chunk_tokens: int, overlap: int) -> list[Span]:
    """Return the spans of the chunks, first to last; together they hold every token.

    A chunk holds at most `chunk_tokens` tokens. It ends at the last border of a line or sentence in its second half, or after
    its last token where there is none. The next begins at the first such border among the last `overlap` tokens of the one
    before, or exactly `overlap` tokens back.

    Args:
        text: The text.
        tokens: The span of each token, in order.
        chunk_tokens: The longest chunk, in tokens.
        overlap: How many tokens neighbours share at most; below half of `chunk_tokens`.
    """
    count = len(tokens)
    if count <= chunk_tokens:
        return [(0, len(text))]
    starts = [start for start, _ in tokens]
    borders = sorted({bisect_left(starts, match.end()) for match in _BORDER.finditer(text)})
    spans: list[Span] = []
    first = 0
    while True:
        end = _end(first, count, borders, chunk_tokens)
        spans.append((tokens[first][0], tokens[end - 1][1]))
        if end == count:
            return spans
        first = _next_start(end, borders, overlap)


def _end(first: int, count: int, borders: Sequence[int], chunk_tokens: int) -> int:
    limit = first + chunk_tokens
    if limit >= count:
        return count
    position = bisect_left(borders, limit + 1) - 1
    return borders[position] if position >= 0 and borders[position] > first + chunk_tokens // 2 else limit


def _next_start(end: int, borders: Sequence[int], overlap: int) -> int:
    position = bisect_left(borders, end - overlap)
    return borders[position] if position < len(borders) and borders[position] <= end else end - overlap


def pooled(scores: Sequence[float], pool: Pool) -> float:
    """Return the document's score.

    Args:
        scores: One a chunk, in the order of the text; at least one.
        pool: `max` (the best chunk), `first` (the beginning), `mean` (all alike) or `top3` (the mean of the best three). `max`
            and `first` are MaxP and FirstP of Dai and Callan, "Deeper Text Understanding for IR with Contextual Neural
            Language Modeling", SIGIR 2019.
    """
    if pool == "max":
        return max(scores)
    if pool == "first":
        return scores[0]
    taken = sorted(scores, reverse=True)[:3] if pool == "top3" else scores
    return math.fsum(taken) / len(taken)
