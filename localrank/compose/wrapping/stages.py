"""The inner calls of one wrapped call: each gets its share of the request, the time that is left, and a line in the usage."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import anyio

from localrank.compose.wrapping.wrapper import name_of
from localrank.contract.cancellation import raise_if_aborted
from localrank.contract.model import (
    AnyReranker,
    DoRerankOptions,
    DoRerankResult,
    ScoredIndex,
    accepts_objects,
)
from localrank.contract.types import RerankResponse, RerankUsage, RerankWarning, StageUsage
from localrank.providers.calls import call_model
from localrank.providers.remarks import unread_options
from localrank.providers.unscored import UNSCORED_TIER, RestUnscored, unscored_warning
from localrank.providers.usage import added

__all__ = ["DOCUMENTS_AT_ONCE", "Stages", "moved", "subset", "summed"]

DOCUMENTS_AT_ONCE = 2_000
"""What a wrapper does with so many documents in the event loop takes some milliseconds."""

GRACE_S, GRACE_S_A_DOCUMENT = 0.005, 0.15e-6
"""How long after its deadline a stage may still hand over what it has; the core allows the outermost model 40 ms
and .25 µs a document."""

MARGIN, MARGIN_S = 0.1, 0.025
"""How much sooner than the wrapper a stage is to end: this share of the time left, at most so many seconds. Of nested wrappers
the innermost then cuts first, and what it has still reaches the outermost in time."""


def subset(options: DoRerankOptions, indexes: Sequence[int]) -> DoRerankOptions:
    """Return the request for the documents at `indexes`, in that order; `top_k` is brought into range."""
    objects, scores = options.objects, options.first_stage_scores
    return replace(
        options,
        documents=tuple(map(options.documents.__getitem__, indexes)),
        objects=None if objects is None else tuple(map(objects.__getitem__, indexes)),
        first_stage_scores=None if scores is None else tuple(map(scores.__getitem__, indexes)),
        top_k=None if options.top_k is None else min(options.top_k, len(indexes)),
    )


def moved(item: ScoredIndex, index: int) -> ScoredIndex:
    """Return `item` for the document at `index`."""
    return ScoredIndex(index, item.score, item.tier, item.truncated, item.metadata)


class Stages:
    """Calls inner models for one call of a wrapper, and makes one answer of what they said.

    Args:
        options: The wrapper's own request; its deadline counts from here.
        provider: The wrapper's own name, which takes no provider options.

    Attributes:
        cut: Whether the deadline ended any stage early.
        response: The last stage's response.
    """

    __slots__ = ("_end", "_metadata", "_options", "_served", "_usages", "_warnings", "cut", "response")

    def __init__(self, options: DoRerankOptions, provider: str) -> None:
        deadline = options.deadline
        self._end = None if deadline is None else time.perf_counter() + deadline
        self._options = options
        self._usages: list[StageUsage] = []
        self._warnings = unread_options(options, provider)
        self._metadata: dict[str, Any] = {}
        self._served: dict[int, str] = {}
        self.cut = False
        self.response: RerankResponse | None = None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the deadline, at least 0; None without one."""
        return None if self._end is None else max(0.0, self._end - time.perf_counter())

    def reserve(self, models: Sequence[AnyReranker]) -> None:
        """Give `models` the first lines of the usage, in this order, whichever begins first."""
        self._usages = [StageUsage(model.provider, model.model_id, RerankUsage()) for model in models]

    async def call(
        self, model: AnyReranker, options: DoRerankOptions, *, line: int | None = None
    ) -> DoRerankResult | None:
        """Return the model's checked answer, or None where the deadline came first.

        `options.deadline` is replaced by what is left, and `options.objects` withheld from a model that reads none.

        Args:
            model: The inner model.
            options: Its share of the request.
            line: Its line in the usage, from `reserve`; None takes the next.

        Raises:
            RerankAbortedError: The token was set before the stage began.
            RerankError: Whatever the model met.
        """
        raise_if_aborted(self._options.abort_event)
        left = self.seconds_left
        if left == 0.0:
            self.cut = True
            return None
        objects = options.objects if accepts_objects(model) else None
        inner = left and left - min(MARGIN * left, MARGIN_S)
        prepared = replace(options, deadline=inner, objects=objects)
        return await self._timed(model, prepared, left, line)

    async def _timed(
        self, model: AnyReranker, options: DoRerankOptions, left: float | None, line: int | None
    ) -> DoRerankResult | None:
        started = time.perf_counter()
        if line is None:
            line = len(self._usages)
            self._usages.append(StageUsage(model.provider, model.model_id, RerankUsage()))
        answer: DoRerankResult | None = None
        try:
            if left is None:
                answer = await call_model(model, options)
            else:
                grace = GRACE_S + GRACE_S_A_DOCUMENT * len(options.documents)
                with anyio.move_on_after(left + grace):
                    answer = await call_model(model, options)
        finally:
            usage = (answer and answer.usage) or RerankUsage()
            if usage.duration_ms is None:
                elapsed = (time.perf_counter() - started) * 1000
                usage = replace(usage, duration_ms=max(0.0, elapsed - usage.load_ms))
            self._usages[line] = StageUsage(model.provider, model.model_id, usage)
        if answer is not None and answer.results and answer.results[0].tier < UNSCORED_TIER:
            self._served[line] = answer.served_by or name_of(model)
        self._note(answer)
        return answer

    def _note(self, answer: DoRerankResult | None) -> None:
        if answer is None:
            self.cut = True
            return
        self.response = answer.response or self.response
        for warning in answer.warnings:
            if warning.type == "deadline_exceeded":
                self.cut = True
            elif warning.type != "incomplete_ranking" and warning not in self._warnings:
                self._warnings.append(warning)
        for provider, values in (answer.provider_metadata or {}).items():
            self._metadata[provider] = _joined(self._metadata.get(provider), values)

    def answer(
        self,
        results: Sequence[ScoredIndex],
        *,
        warnings: Sequence[RerankWarning] = (),
        metadata: Mapping[str, Any] | None = None,
        cache_hits: int = 0,
        served_by: str | None = None,
    ) -> DoRerankResult:
        """Return `results` as the wrapper's answer, with all stages' usage, warnings and metadata.

        Args:
            results: The wrapper's ranking.
            warnings: The wrapper's own.
            metadata: The wrapper's own, put under `localrank`.
            cache_hits: Documents that the wrapper answered from a cache.
            served_by: The model behind the ranking where no stage was called for it; else it is those that scored anything.
        """
        deadline = [_deadline_warning(results, len(self._options.documents))] if self.cut else []
        if metadata:
            self._metadata["localrank"] = _joined(self._metadata.get("localrank"), metadata)
        return DoRerankResult(
            results,
            usage=summed(self._usages, cache_hits=cache_hits),
            warnings=(*warnings, *self._warnings, *deadline),
            provider_metadata=self._metadata or None,
            response=self.response,
            served_by="+".join(dict.fromkeys(name for _, name in sorted(self._served.items()))) or served_by,
        )

    def out_of_time(self) -> DoRerankResult:
        """Return the caller's order, unscored, for a call whose deadline left nothing."""
        self.cut = True
        return self.answer(RestUnscored([], len(self._options.documents)))


def _deadline_warning(results: Sequence[ScoredIndex], total: int) -> RerankWarning:
    left_out = 0
    if isinstance(results, RestUnscored):
        left_out, results = results.left_count, results.scored
    left_out += sum(item.tier >= UNSCORED_TIER for item in results)
    if left_out:
        return unscored_warning(max(0, total - left_out), total)
    return RerankWarning(
        "stage_cut_short",
        "The deadline passed before every stage had ended; the ranking is the best of those that did. Allow more time, or "
        "send fewer documents.",
        feature="deadline",
    )


def _joined(known: object, new: object) -> object:
    return {**known, **new} if isinstance(known, Mapping) and isinstance(new, Mapping) else new


def summed(stages: Sequence[StageUsage], *, cache_hits: int = 0) -> RerankUsage:
    """Return the sum of `stages` (see `added`) with `stages` beneath it.

    `duration_ms` is left to the core: stages may have run side by side.

    Args:
        stages: One entry a call of an inner model.
        cache_hits: Documents that the wrapper itself answered from a cache.
    """
    known = added([stage.usage for stage in stages])
    return replace(
        known,
        input_tokens=known.input_tokens if stages else 0,
        duration_ms=None,
        cache_hits=cache_hits + known.cache_hits,
        stages=tuple(stages),
    )
