"""How much one request holds: tokens estimated from the text, and where a list is divided. Pure.

The services' tokenizers are not public. A token is taken to be three ASCII characters or one other character. English prose
has more than four characters a token, so an estimate is about a third too high; hexadecimal digits and the like have fewer
than three, and a request that is refused for its length is divided again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from localrank_cohere.decisions.forms import Form
from localrank_cohere.decisions.requests import as_json, state_of
from localrank_cohere.dialects.decisions import DecisionService

__all__ = ["Room", "estimated_tokens", "longest_prefix"]

_ASCII_PER_TOKEN = 3
_FRAME = 12
"""Tokens of what stands around a document, and around a question: its name, its type, quotes and braces. Users measured 8."""

_OVERHEAD = 300
"""Tokens of a request with nothing in it. Users measured 261."""


def estimated_tokens(text: str) -> int:
    """Return how many tokens `text` has, estimated as this file says."""
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // _ASCII_PER_TOKEN) + len(text) - plain


def _json_bytes(text: str) -> int:
    return len(as_json(text)) + _FRAME  # with its name, a colon and a comma


def longest_prefix(text: str, tokens: int, max_bytes: int | None) -> str:
    """Return the longest beginning of `text` of at most `tokens` estimated tokens and `max_bytes` bytes of JSON."""
    if estimated_tokens(text) <= tokens and (max_bytes is None or _json_bytes(text) <= max_bytes):
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        head = text[:middle]
        if estimated_tokens(head) <= tokens and (max_bytes is None or _json_bytes(head) <= max_bytes):
            low = middle
        else:
            high = middle - 1
    return text[:low]


@dataclass(frozen=True, slots=True)
class Room:
    """What is left for documents in one request.

    Attributes:
        documents: How many; None for no limit.
        tokens: Tokens of the documents with their frames, beside query and one question.
        with_questions: The same with a question a document.
        bytes: Of the documents as JSON; None for no limit.
        question: Tokens of one question.
    """

    documents: int | None
    tokens: int
    with_questions: int
    bytes: int | None
    question: int

    @classmethod
    def of(
        cls,
        service: DecisionService,
        form: Form,
        query: str,
        instruction: str | None,
        *,
        max_documents: int | None,
        max_tokens: int | None,
    ) -> Room:
        """Return the room beside `query` and the questions; no part of it is below 0.

        Args:
            service: Has the limits.
            form: What is asked.
            query: The query.
            instruction: Asked in place of the form's own question.
            max_documents: The caller's limit.
            max_tokens: The caller's limit, in place of the service's.
        """
        asked = as_json(form.named_questions(1, instruction)).decode()
        question = estimated_tokens(asked) + _FRAME
        # A choice has one question, and an option for each document.
        empty = _OVERHEAD + estimated_tokens(query)
        shared = question if form.is_choice else 0
        most = service.max_tokens if max_tokens is None else max_tokens
        total = max(most, service.max_tokens_with_questions)
        size = service.max_state_bytes
        return cls(
            documents=max_documents,
            tokens=max(most - empty - question, 0),
            with_questions=max(total - empty - shared, 0),
            bytes=None if size is None else max(size - len(as_json(state_of(query, ()))), 0),
            question=_FRAME if form.is_choice else question,
        )

    def cut(self, text: str) -> str:
        """Return `text`, or the longest beginning of it that fits into a request of its own."""
        return longest_prefix(
            text, min(self.tokens, self.with_questions - self.question) - _FRAME, self.bytes
        )

    def cut_together(self, texts: Sequence[str]) -> list[str]:
        """Return `texts` with the longest ones cut to one length, so that one request holds them all."""
        count = len(texts)
        lengths = [estimated_tokens(text) for text in texts]
        room = min(self.tokens, self.with_questions - count * self.question) - count * _FRAME
        most_tokens = _level(lengths, room)
        most_bytes = None if self.bytes is None else _level([_json_bytes(text) for text in texts], self.bytes)
        return [longest_prefix(text, most_tokens, most_bytes) for text in texts]

    def borders(self, texts: Sequence[str]) -> list[int]:
        """Return where a list is divided: as few parts as there can be, and even ones where those fit."""
        greedy = self._greedy(texts)
        parts = len(greedy) - 1
        even = [len(texts) * part // parts for part in range(parts + 1)]
        fits = parts > 0 and all(len(self._greedy(texts[a:b])) == 2 for a, b in pairwise(even))
        return even if fits else greedy

    def _greedy(self, texts: Sequence[str]) -> list[int]:
        borders, count, tokens, size = [0], 0, 0, 0
        for index, text in enumerate(texts):
            more, longer = estimated_tokens(text) + _FRAME, 0 if self.bytes is None else _json_bytes(text)
            count, tokens, size = count + 1, tokens + more, size + longer
            if count > 1 and not self._holds(count, tokens, size):
                borders.append(index)
                count, tokens, size = 1, more, longer
        return [*borders, len(texts)]

    def _holds(self, count: int, tokens: int, size: int) -> bool:
        return (
            (self.documents is None or count <= self.documents)
            and tokens <= self.tokens
            and tokens + count * self.question <= self.with_questions
            and (self.bytes is None or size <= self.bytes)
        )


def _level(sizes: Sequence[int], room: int) -> int:
    """Return the largest cap on `sizes` that brings their sum to at most `room`; 0 where there is none."""
    low, high = 0, max(sizes, default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(size, middle) for size in sizes) <= room:
            low = middle
        else:
            high = middle - 1
    return low
