"""Limits for paid services: so many calls at once, a second, and so many tokens a minute."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from localrank.compose.rules.gate import Gate
from localrank.compose.wrapping.stages import Stages
from localrank.compose.wrapping.wrapper import Transparent, refuse
from localrank.contract.cancellation import POLL_INTERVAL_S, raise_if_aborted
from localrank.contract.errors import RateLimitError
from localrank.contract.model import AnyReranker, DoRerankOptions, DoRerankResult
from localrank.providers.annotations import check_types

__all__ = ["Limited"]

_CHARACTERS_A_TOKEN = 4
"""About what a token of English text takes, in the usual subword vocabularies."""


class Limited(Transparent):
    """Lets calls through in the order they came; a waiting call ends at once when it is aborted, cancelled or out of time.

    One object limits all tasks, threads and event loops of a process together. A `RateLimitError` with a `retry_after`
    holds everyone back for that long.

    Args:
        model: The model.
        rate: Calls a second, evenly spaced.
        concurrency: Calls at once.
        tokens_per_minute: Tokens a minute, guessed from the length of the texts and put right by the answer's usage.
        now: A clock in seconds.
        sleep: Awaited with seconds while a call waits.

    Raises:
        InvalidRequestError: A limit that is not positive, or none at all.
    """

    def __init__(
        self,
        model: AnyReranker | str,
        *,
        rate: float | None = None,
        concurrency: int | None = None,
        tokens_per_minute: float | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = anyio.sleep,
    ) -> None:
        check_types(locals(), Limited.__init__)
        limits = {"rate": rate, "concurrency": concurrency, "tokens_per_minute": tokens_per_minute}
        for name, limit in limits.items():
            if limit is not None and not 0 < limit < float("inf"):
                raise refuse(f"{name} is {limit!r}.", "Pass a positive number, or None for no limit.")
        if all(limit is None for limit in limits.values()):
            raise refuse("Limited has no limit.", "Pass rate, concurrency or tokens_per_minute.")
        super().__init__("limited", model)
        self._gate = Gate(rate=rate, concurrency=concurrency, tokens_per_minute=tokens_per_minute, now=now)
        self._sleep = sleep

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Wait for a place, then ask the model."""
        stages = Stages(options, self.provider)
        tokens = _guessed_tokens(options)
        ticket = self._gate.queue()
        correction = 0.0
        try:
            if not await self._entered(ticket, tokens, options, stages):
                return stages.out_of_time()
            answer = await stages.call(self.model, options)
            if answer is None:
                return stages.out_of_time()
            if answer.usage is not None and answer.usage.input_tokens is not None:
                correction = answer.usage.input_tokens - tokens
            return stages.answer(answer.results)
        except RateLimitError as error:
            self._gate.hold(error.retry_after or 0.0)
            raise
        finally:
            self._gate.leave(ticket, correction=correction)

    async def _entered(self, ticket: object, tokens: float, options: DoRerankOptions, stages: Stages) -> bool:
        """Wait for a place; return False where the deadline comes first."""
        while True:
            raise_if_aborted(options.abort_event, "waiting")
            wait = self._gate.enter(ticket, tokens)
            if wait == 0.0:
                return True
            left = stages.seconds_left
            if left is not None and (wait or 0.0) >= left:
                return False
            await self._sleep(POLL_INTERVAL_S if wait is None else min(wait, POLL_INTERVAL_S))


def _guessed_tokens(options: DoRerankOptions) -> float:
    count = len(options.documents)
    return (len(options.query) * count + sum(map(len, options.documents))) / _CHARACTERS_A_TOKEN
