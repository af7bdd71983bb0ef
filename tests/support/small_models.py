"""Small rerankers for tests of wrappers: scores by a function of the text, a failure, a wait, a listwise one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import anyio

from localrank import DoRerankOptions, DoRerankResult, RerankUsage, RerankWarning, ScoredIndex
from localrank.contract.cancellation import raise_if_aborted


class Scoring:
    """Scores each text by `score`, and remembers what it was asked."""

    provider = "small"
    scores_comparable = True
    accepts_objects = False

    def __init__(
        self,
        score: Callable[[str], float] = len,
        name: str = "scoring",
        *,
        score_kind: str = "unknown",
        usage: RerankUsage | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.model_id = name
        self.score_kind = score_kind
        self.calls: list[DoRerankOptions] = []
        self.closed = 0
        self.warm = 0
        self._score, self._usage, self._metadata = score, usage, metadata

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        self.calls.append(options)
        raise_if_aborted(options.abort_event)
        await anyio.lowlevel.checkpoint()
        results = [
            ScoredIndex(index, float(self._score(text)), metadata=self._metadata)
            for index, text in enumerate(options.documents)
        ]
        options.report_progress(len(results), len(results))
        return DoRerankResult(results, usage=self._usage)

    async def warm_up(self) -> None:
        self.warm += 1

    async def aclose(self) -> None:
        self.closed += 1

    @property
    def asked(self) -> list[tuple[str, ...]]:
        """The documents of each call."""
        return [call.documents for call in self.calls]


class Listwise(Scoring):
    """Shares 1 among the documents, so a score depends on its neighbours."""

    scores_comparable = False

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        answer = await super().do_rerank(options)
        total = sum(item.score for item in answer.results) or 1.0
        warnings = [
            RerankWarning("unsupported", "It was ignored.", feature=name)
            for name in [*(options.provider_options or {}).get(self.provider, {}), *_instruction(options)]
        ]
        return DoRerankResult(
            [ScoredIndex(item.index, item.score / total) for item in answer.results], warnings=warnings
        )


def _instruction(options: DoRerankOptions) -> Sequence[str]:
    return () if options.instruction is None else ("instruction",)


class Failing(Scoring):
    """Raises what `errors` holds, in turn, the last one again and again; None answers."""

    def __init__(self, *errors: Exception | None, name: str = "failing") -> None:
        super().__init__(name=name)
        self._errors = list(errors)

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        answer = await super().do_rerank(options)
        error = self._errors.pop(0) if len(self._errors) > 1 else self._errors[0]
        if error is not None:
            raise error
        return answer


class Sleeping(Scoring):
    """Takes `seconds`, ignores every deadline, and notes when it is cancelled."""

    def __init__(self, seconds: float, name: str = "sleeping") -> None:
        super().__init__(name=name)
        self.seconds = seconds
        self.cancelled = 0

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        try:
            await anyio.sleep(self.seconds)
        except anyio.get_cancelled_exc_class():
            self.cancelled += 1
            raise
        return await super().do_rerank(options)


class Flag:
    """An abort token that is set by hand."""

    def __init__(self) -> None:
        self.value = False

    def set(self) -> None:
        self.value = True

    def is_set(self) -> bool:
        return self.value


class Clock:
    """A clock that moves by hand, or by being slept on."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        self.time += seconds
