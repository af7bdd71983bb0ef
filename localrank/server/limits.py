"""What is refused before work begins, and how much work may wait."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from localrank.server.wire import RankRequest, RefusedError

__all__ = ["Admission", "Limits", "check_limits"]

_CHARACTERS_A_TOKEN = 4
"""A common figure for English text and WordPiece vocabularies; an estimate is enough to bound a queue."""

_FIRST_RATE = 10_000.0
"""Tokens a second assumed before the first request was measured."""

_WEIGHT_OF_NEWEST = 0.2


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a request and of the queue. Each is an option of `localrank serve` of the same name.

    Attributes:
        max_body_bytes: Bytes of a request's body.
        max_documents: Documents of a request.
        max_document_characters: Characters of one document.
        max_query_characters: Characters of a query.
        max_waiting_tokens: Estimated tokens that may be accepted and unfinished at once, over all requests.
        timeout: Seconds a request may take, waiting included.
    """

    max_body_bytes: int = 32 * 1024 * 1024
    max_documents: int = 10_000
    max_document_characters: int = 1_000_000
    max_query_characters: int = 32_000
    max_waiting_tokens: int = 2_000_000
    timeout: float = 60.0


def check_limits(request: RankRequest, limits: Limits) -> None:
    """Refuse a request that is larger than the server allows.

    Raises:
        RefusedError: 422, with the limit and the option that raises it.
    """
    if len(request.query) > limits.max_query_characters:
        raise _over("The query has", len(request.query), "characters", limits, "max_query_characters")
    if len(request.texts) > limits.max_documents:
        raise _over("The request has", len(request.texts), "documents", limits, "max_documents")
    for index, text in enumerate(request.texts):
        if len(text) > limits.max_document_characters:
            raise _over(f"Document {index} has", len(text), "characters", limits, "max_document_characters")


def _over(what: str, count: int, unit: str, limits: Limits, name: str) -> RefusedError:
    return RefusedError(
        422,
        f"{what} {count:,} {unit}; this server takes {getattr(limits, name):,} "
        f"(--{name.replace('_', '-')} raises it).",
        "limit",
    )


class Admission:
    """The bounded queue: what was accepted and is not finished, in estimated tokens.

    Args:
        limits: Gives `max_waiting_tokens`.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = limits.max_waiting_tokens
        self._tokens_a_second = _FIRST_RATE
        self.waiting_tokens = 0
        self.requests = 0

    @contextmanager
    def admitted(self, request: RankRequest) -> Iterator[None]:
        """Hold a place for `request`.

        A request that meets an empty queue is always taken: its own size is bounded by the other limits.

        Raises:
            RefusedError: 429 with `Retry-After`, when too much is waiting.
        """
        tokens = estimated_tokens(request)
        if self.requests and self.waiting_tokens + tokens > self._most:
            raise RefusedError(
                429,
                f"The server is busy: {self.waiting_tokens:,} tokens are waiting, and {self._most:,} may "
                "(--max-waiting-tokens raises it).",
                "busy",
                {"Retry-After": str(self._seconds_of(self.waiting_tokens))},
            )
        self.waiting_tokens += tokens
        self.requests += 1
        began = time.perf_counter()
        try:
            yield
        except BaseException:
            raise
        else:
            self._learn(tokens, time.perf_counter() - began)
        finally:
            self.waiting_tokens -= tokens
            self.requests -= 1

    def _learn(self, tokens: int, seconds: float) -> None:
        beside = max(1, self.requests)  # requests share the processor, so the server does that much more
        rate = beside * tokens / max(seconds, 1e-3)
        self._tokens_a_second += _WEIGHT_OF_NEWEST * (rate - self._tokens_a_second)

    def _seconds_of(self, tokens: int) -> int:
        return max(1, min(60, math.ceil(tokens / max(self._tokens_a_second, 1.0))))


def estimated_tokens(request: RankRequest) -> int:
    """Return about how many tokens a model of pairs would read."""
    characters = len(request.query) * len(request.texts) + sum(map(len, request.texts))
    return characters // _CHARACTERS_A_TOKEN + len(request.texts)
