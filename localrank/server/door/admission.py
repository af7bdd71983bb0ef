"""The bounded queue: how much work may wait."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from localrank.server.dialects.wire import RankRequest, RefusedError
from localrank.server.door.bodies import Bodies
from localrank.server.door.state import State

__all__ = ["Admission"]

_CHARACTERS_A_TOKEN = 4
"""A common figure for English text and WordPiece vocabularies; an estimate is enough to bound a queue."""

_FIRST_RATE = 10_000.0
"""Tokens a second assumed before the first request was measured."""

_WEIGHT_OF_NEWEST = 0.2


class Admission:
    """The bounded queue: what was accepted and is not finished, in estimated tokens.

    Args:
        state: Gives the limit.

    Attributes:
        waiting_tokens: Their estimate.
        requests: Their number.
        bodies: What they, and those that are still being read, hold.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._tokens_a_second = _FIRST_RATE
        self.waiting_tokens = 0
        self.requests = 0
        self.bodies = Bodies(state)

    @contextmanager
    def admitted(self, asked: Sequence[RankRequest]) -> Iterator[None]:
        """Hold a place for `asked`, which one HTTP request holds.

        One that meets an empty queue is always taken: its own size is bounded by the other limits.

        Raises:
            RefusedError: 429 with `Retry-After`, when too much is waiting.
        """
        tokens, most = sum(map(estimated_tokens, asked)), self._state.limits.max_waiting_tokens
        if self.requests and self.waiting_tokens + tokens > most:
            raise RefusedError(
                429,
                f"The server is busy: {self.waiting_tokens:,} tokens are waiting, and {most:,} may "
                "(--max-waiting-tokens raises it).",
                "busy",
                {"Retry-After": str(self._seconds_of(self.waiting_tokens))},
            )
        self.waiting_tokens += tokens
        self.requests += 1
        began = time.perf_counter()
        try:
            yield
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
