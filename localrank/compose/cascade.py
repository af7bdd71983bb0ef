"""A cascade: a cheap model ranks everything, a better one only the best of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from localrank.compose.progress import SharedProgress
from localrank.compose.stages import Stages, subset
from localrank.compose.wrapper import Wrapper, refuse
from localrank.contract.model import AnyReranker, DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.providers.answers import UNSCORED_TIER, sort_and_cut

__all__ = ["Cascade"]


class Cascade(Wrapper):
    """Ranks with `first`, then lets each later model rank the best `keep` of what it was handed.

    What a later model did not see follows below with the score it had, in a higher tier. `metadata["stage"]` is the position of
    the model that gave the score, from 0. Where the caller passed no `first_stage_scores`, a later model gets the scores of
    the model before it under that name. When the deadline passes, the ranking of the last model that ended stands.

    Args:
        first: The cheap model.
        second: The model that sees the best of the first.
        *more: Later models, for a longer chain.
        keep: How many documents each later model sees; one number a later model, none larger than the one before. One
            integer is enough for two models.

    Raises:
        InvalidRequestError: `keep` does not fit the models.
    """

    def __init__(
        self,
        first: AnyReranker | str,
        second: AnyReranker | str,
        *more: AnyReranker | str,
        keep: int | Sequence[int] = 20,
    ) -> None:
        models = [first, second, *more]
        self.keep = _checked_keep(keep, len(models) - 1)
        super().__init__("cascade", models, joint=[f">{count}>" for count in self.keep])

    @property
    def settings(self) -> tuple[object, ...]:
        """How many documents each later model sees."""
        return self.keep

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Run the stages one after the other."""
        count = len(options.documents)
        stages = Stages(options, self.provider)
        progress = SharedProgress(
            options.report_progress, count, [count, *(min(keep, count) for keep in self.keep)]
        )
        wanted = None if options.top_k is None else min(count, max(options.top_k, self.keep[0]))
        answer = await stages.call(
            self.models[0], replace(options, top_k=wanted, report_progress=progress.stage(0))
        )
        if answer is None:
            return stages.out_of_time()
        ranking = [_marked(item, item.index, 0) for item in answer.results]
        for position, keep in enumerate(self.keep, start=1):
            progress.finished(position - 1)
            head = [item for item in ranking[:keep] if item.tier < UNSCORED_TIER]
            if not head:
                break
            shown = _shown(options, head)
            answer = await stages.call(
                self.models[position], replace(shown, report_progress=progress.stage(position))
            )
            if answer is None:
                break
            ranking = _above(answer.results, head, ranking, position)
        progress.finished(len(self.keep))
        return stages.answer(ranking)


def _shown(options: DoRerankOptions, head: Sequence[ScoredIndex]) -> DoRerankOptions:
    shown = subset(options, [item.index for item in head])
    if shown.first_stage_scores is not None:
        return shown
    return replace(shown, first_stage_scores=tuple(item.score for item in head))


def _above(
    better: Sequence[ScoredIndex], head: Sequence[ScoredIndex], ranking: list[ScoredIndex], position: int
) -> list[ScoredIndex]:
    scored = [_marked(item, head[item.index].index, position) for item in better if item.tier < UNSCORED_TIER]
    lift = 1 + max((item.tier for item in scored), default=-1)
    seen = {item.index for item in scored}
    below = [_lifted(item, lift) for item in ranking if item.index not in seen]
    return sort_and_cut([*scored, *below], None)


def _marked(item: ScoredIndex, index: int, stage: int) -> ScoredIndex:
    metadata = {**(item.metadata or {}), "stage": stage}
    return ScoredIndex(index, item.score, item.tier, item.truncated, metadata)


def _lifted(item: ScoredIndex, lift: int) -> ScoredIndex:
    if item.tier >= UNSCORED_TIER:
        return item
    return ScoredIndex(item.index, item.score, item.tier + lift, item.truncated, item.metadata)


def _checked_keep(keep: int | Sequence[int], later_models: int) -> tuple[int, ...]:
    counts = (keep,) if isinstance(keep, int) else tuple(keep)
    valid = all(isinstance(count, int) and not isinstance(count, bool) and count >= 1 for count in counts)
    if not valid or len(counts) != later_models:
        raise refuse(
            f"keep is {keep!r} for {later_models + 1} models.",
            f"Pass {later_models} integer{'s' if later_models > 1 else ''} of at least 1, one a model after the first.",
        )
    if list(counts) != sorted(counts, reverse=True):
        raise refuse(f"keep is {keep!r}.", "A later model cannot see more than the one before it ranked.")
    return counts
