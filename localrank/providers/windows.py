"""A long list handed to a model part by part: the event loop is free in between, and a deadline finds some of it scored."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import anyio.lowlevel

from localrank.contract.cancellation import raise_if_aborted
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, RerankWarning, StageUsage
from localrank.providers.splitting import Part, split
from localrank.providers.unscored import RestUnscored, scored_part, unscored_warning
from localrank.providers.usage import added

__all__ = ["in_windows"]


async def in_windows(
    ask: Callable[[DoRerankOptions], Awaitable[DoRerankResult]], options: DoRerankOptions, size: int
) -> DoRerankResult:
    """Return the answers of `ask` for parts of at most `size` documents as one.

    Args:
        ask: Returns a checked answer; its scores can be compared between calls.
        options: The request for all documents. The parts share its deadline, and each is told what is left of it.
        size: Documents of a part.
    """
    started = time.perf_counter()
    merged = _Merged(options)
    for part in split(options, size):
        raise_if_aborted(options.abort_event)
        left = None if options.deadline is None else options.deadline - (time.perf_counter() - started)
        if left is not None and left <= 0:
            break
        request = replace(part.options, deadline=left, report_progress=merged.progress(part))
        if left is not None:  # all entries, so that those that were not scored are seen
            request = replace(request, top_k=None)
        answer = await ask(request)
        merged.add(part, answer)
        if merged.is_cut:
            break
        await anyio.lowlevel.checkpoint()
    return merged.answer()


class _Merged:
    def __init__(self, options: DoRerankOptions) -> None:
        self.is_cut = False
        self._options = options
        self._scored: list[ScoredIndex] = []
        self._scored_count = 0
        self._answers: list[DoRerankResult] = []

    def progress(self, part: Part) -> Callable[[int, int], None]:
        report, total = self._options.report_progress, len(self._options.documents)
        return lambda done, _of: report(part.start + done, total)

    def add(self, part: Part, answer: DoRerankResult) -> None:
        results = answer.results
        scored = scored_part(results)
        self.is_cut = len(scored) < len(results)
        all_scored = len(scored) if self.is_cut else len(part.options.documents)
        self._scored_count += results.scored_count if isinstance(results, RestUnscored) else all_scored
        self._scored += [
            ScoredIndex(item.index + part.start, item.score, item.tier, item.truncated, item.metadata)
            for item in scored
        ]
        self._answers.append(answer)

    def answer(self) -> DoRerankResult:
        count = len(self._options.documents)
        warnings: list[RerankWarning] = []
        for one in (warning for answer in self._answers for warning in answer.warnings):
            if one.type != "deadline_exceeded" and one not in warnings:
                warnings.append(one)
        results: Sequence[ScoredIndex] = self._scored
        if self._scored_count < count:
            results = RestUnscored(self._scored, count, scored_count=self._scored_count)
            warnings.append(unscored_warning(self._scored_count, count))
        last = self._answers[-1] if self._answers else DoRerankResult([])
        usages = [answer.usage or RerankUsage() for answer in self._answers]
        served = dict.fromkeys(answer.served_by for answer in self._answers if answer.served_by)
        served_by = "+".join(served) or None
        return replace(
            last,
            results=results,
            usage=_summed(usages) if any(answer.usage for answer in self._answers) else None,
            warnings=warnings,
            served_by=served_by,
        )


def _summed(usages: Sequence[RerankUsage]) -> RerankUsage:
    """Return the sum of what the parts cost; stages of one model stay one line."""
    lines: dict[tuple[str, str], list[RerankUsage]] = {}
    for stage in (stage for usage in usages for stage in usage.stages):
        lines.setdefault((stage.provider, stage.model_id), []).append(stage.usage)
    stages = tuple(StageUsage(*who, _summed(of)) for who, of in lines.items())
    return replace(added(usages), stages=stages)
