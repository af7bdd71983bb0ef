"""A cascade: a cheap model ranks everything, a better one only the best of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from localrank.compose.wrapping.progress import SharedProgress
from localrank.compose.wrapping.stages import Stages, moved, subset
from localrank.compose.wrapping.wrapper import Wrapper, refuse
from localrank.contract.model import AnyReranker, DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.providers.annotations import check_types
from localrank.providers.arguments import whole_number
from localrank.providers.unscored import UNSCORED_TIER, RestUnscored

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
        check_types(locals(), Cascade.__init__)
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
        first = answer.results
        layers = [_Layer(0, first.scored if isinstance(first, RestUnscored) else first)]
        for position, keep in enumerate(self.keep, start=1):
            progress.finished(position - 1)
            head = [item for item in _ranking(layers)[:keep] if item.tier < UNSCORED_TIER]
            if not head:
                break
            shown = _shown(options, head)
            answer = await stages.call(
                self.models[position], replace(shown, report_progress=progress.stage(position))
            )
            if answer is None:
                break
            layers = _above(answer.results, head, layers, position)
        progress.finished(len(self.keep))
        ranked: Sequence[ScoredIndex] = _assembled(layers)
        if isinstance(first, RestUnscored):
            ranked = RestUnscored(ranked, count, wanted, first.scored_count)
        return stages.answer(ranked)


@dataclass(frozen=True, slots=True)
class _Layer:
    """What one stage scored last: its position, and the items, best first."""

    stage: int
    items: Sequence[ScoredIndex]


def _ranking(layers: Sequence[_Layer]) -> Sequence[ScoredIndex]:
    if len(layers) == 1:
        return layers[0].items
    return [item for layer in layers for item in layer.items]


def _shown(options: DoRerankOptions, head: Sequence[ScoredIndex]) -> DoRerankOptions:
    shown = subset(options, [item.index for item in head])
    if shown.first_stage_scores is not None:
        return shown
    return replace(shown, first_stage_scores=tuple(item.score for item in head))


def _above(
    better: Sequence[ScoredIndex], head: Sequence[ScoredIndex], layers: Sequence[_Layer], position: int
) -> list[_Layer]:
    """Return the layers with what the later model scored on top; what it left unscored stays where it was."""
    scored = [moved(item, head[item.index].index) for item in better if item.tier < UNSCORED_TIER]
    seen = {item.index for item in scored}
    below = [
        _Layer(layer.stage, [item for item in layer.items if item.index not in seen]) for layer in layers
    ]
    return [_Layer(position, scored), *below]


def _assembled(layers: Sequence[_Layer]) -> list[ScoredIndex]:
    """Return all items, each layer in tiers below those of the layer above, marked with its stage."""
    results: list[ScoredIndex] = []
    lift = 0
    for layer in layers:
        mark = {"stage": layer.stage}
        lowest = lift - 1
        for item in layer.items:
            if item.tier >= UNSCORED_TIER:
                results.append(item)
                continue
            tier, known = item.tier + lift, item.metadata
            metadata = {**known, **mark} if known else mark
            results.append(ScoredIndex(item.index, item.score, tier, item.truncated, metadata))
            lowest = max(lowest, tier)
        lift = lowest + 1
    return results


def _checked_keep(keep: int | Sequence[int], later_models: int) -> tuple[int, ...]:
    given = list(keep) if isinstance(keep, Iterable) else [keep]
    counts = tuple(count for number in given if (count := whole_number(number)) is not None and count >= 1)
    if not len(counts) == len(given) == later_models:
        raise refuse(
            f"keep is {keep!r} for {later_models + 1} models.",
            f"Pass {later_models} integer{'s' if later_models > 1 else ''} of at least 1, one a model after the first.",
        )
    if list(counts) != sorted(counts, reverse=True):
        raise refuse(f"keep is {keep!r}.", "A later model cannot see more than the one before it ranked.")
    return counts
