"""Fusion: several models, or a model and the retriever's own scores, judge side by side and make one ranking."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, get_args

from localrank.compose.rules.fusion import RRF_K, Normalization, normalized, reciprocal_ranks, weighted_sum
from localrank.compose.wrapping.progress import SharedProgress
from localrank.compose.wrapping.stages import Stages
from localrank.compose.wrapping.wrapper import Wrapper, checked_numbers, is_ordinal, name_of, refuse
from localrank.contract.model import (
    AnyReranker,
    DoRerankOptions,
    DoRerankResult,
    ScoredIndex,
    score_kind,
)
from localrank.contract.types import ScoreKind
from localrank.providers.all_of import all_of
from localrank.providers.annotations import check_types
from localrank.providers.arguments import check_choice
from localrank.providers.unscored import RestUnscored, scored_part

__all__ = ["Fused"]

Method = Literal["rrf", "weighted"]


class Fused(Wrapper):
    """Runs all models at once and fuses their rankings.

    `metadata["stage_scores"]` holds each model's own score, in the order of `models`, None where it gave none. The first
    failure stops the other models and is raised as it is.

    Args:
        models: At least two; `Retrieved()` among them stands for the caller's `first_stage_scores`.
        method: `rrf` sums `weight / (k + rank)` and needs no common scale; its scores are ordinal. `weighted` is the weighted
            mean of the scores.
        weights: One positive number a model; None weighs all alike.
        k: The constant of `rrf`.
        normalize: Brings each list onto one scale for `weighted`: `min-max` or `z`. None takes the scores as they are, which
            needs models whose scores mean the same (see `Calibrated`).

    Raises:
        InvalidRequestError: Fewer than two models, weights that do not fit, scores that `weighted` cannot add, or a setting of
            the other method.
    """

    def __init__(
        self,
        models: Sequence[AnyReranker | str],
        *,
        method: Method = "rrf",
        weights: Sequence[float] | None = None,
        k: float = RRF_K,
        normalize: Normalization | None = None,
    ) -> None:
        check_types(locals(), Fused.__init__)
        if isinstance(models, str) or len(models) < 2:
            raise refuse(f"models is {models!r}.", "Pass a list of at least two models.")
        check_choice("method", method, get_args(Method))
        check_choice("normalize", normalize, (None, *get_args(Normalization)))
        if not (math.isfinite(k) and k >= 0):
            raise refuse(f"k is {k!r}.", "Pass a finite number of at least 0; 60 is customary.")
        if normalize is not None and method == "rrf":
            raise refuse(
                f"normalize is {normalize!r}, and method='rrf' looks at ranks alone.",
                "Leave it out, or pass method='weighted'.",
            )
        if k != RRF_K and method == "weighted":
            raise refuse(
                f"k is {k!r}, which method='weighted' has no place for.",
                "Leave it out, or pass method='rrf'.",
            )
        super().__init__("fused", models, joint="+")
        self.method: Method = method
        self.weights = _checked_weights(weights, len(self.models))
        self.k = k
        self.normalize = normalize
        if method == "weighted":
            self._refuse_unaddable()

    def _refuse_unaddable(self) -> None:
        for model in self.models:
            if is_ordinal(model):
                raise refuse(
                    f"method is 'weighted', and the scores of {name_of(model)} are ordinal.",
                    "Only their order means anything: use method='rrf'.",
                )
        kinds = {score_kind(model) for model in self.models}
        if self.normalize is None and "logit" in kinds and kinds != {"logit"}:
            raise refuse(
                f"method is 'weighted' over scores of the kinds {', '.join(sorted(kinds))}.",
                "Calibrate the models, or pass normalize='z'.",
            )

    @property
    def score_kind(self) -> ScoreKind:
        """`ordinal` for `rrf`; for `weighted`, `probability` where every score is one."""
        if self.method == "rrf":
            return "ordinal"
        kinds = {score_kind(model) for model in self.models}
        return "probability" if kinds == {"probability"} and self.normalize is None else "unknown"

    @property
    def settings(self) -> tuple[object, ...]:
        """Method, weights, constant and scale."""
        return (self.method, self.weights, self.k, self.normalize)

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Ask every model for all documents, and fuse."""
        count = len(options.documents)
        stages = Stages(options, self.provider)
        progress = SharedProgress(options.report_progress, count, [count] * len(self.models))
        answers = await self._answers(options, stages, progress)
        if all(answer is None for answer in answers):
            return stages.out_of_time()
        rankings = [_scored(answer) for answer in answers]
        found = self._fused(rankings, count)
        return stages.answer(found if len(found) == count else RestUnscored(found, count))

    async def _answers(
        self, options: DoRerankOptions, stages: Stages, progress: SharedProgress
    ) -> list[DoRerankResult | None]:
        answers: list[DoRerankResult | None] = [None] * len(self.models)
        stages.reserve(self.models)

        async def ask(position: int, model: AnyReranker) -> None:
            request = replace(options, top_k=None, report_progress=progress.stage(position))
            answers[position] = await stages.call(model, request, line=position)
            progress.finished(position)

        await all_of([partial(ask, position, model) for position, model in enumerate(self.models)])
        return answers

    def _fused(self, rankings: Sequence[list[ScoredIndex]], count: int) -> list[ScoredIndex]:
        columns = [_column(ranking, count) for ranking in rankings]
        tiers = None
        if self.method == "rrf":
            order = [[item.index for item in ranking] for ranking in rankings]
            fused = reciprocal_ranks(order, self.weights, count, k=self.k)
        else:
            fused = weighted_sum([normalized(column, self.normalize) for column in columns], self.weights)
            tiers = _tiers(rankings, columns)
        truncated = {item.index for ranking in rankings for item in ranking if item.truncated}
        return [
            ScoredIndex(
                index,
                score,
                tiers[index] if tiers else 0,
                index in truncated,
                {"stage_scores": own},
            )
            for index, (score, own) in enumerate(zip(fused, zip(*columns, strict=True), strict=True))
            if score is not None
        ]


def _column(ranking: Sequence[ScoredIndex], count: int) -> list[float | None]:
    column: list[float | None] = [None] * count
    for item in ranking:
        column[item.index] = item.score
    return column


def _scored(answer: DoRerankResult | None) -> list[ScoredIndex]:
    return [] if answer is None else list(scored_part(answer.results))


def _tiers(
    rankings: Sequence[list[ScoredIndex]], columns: Sequence[Sequence[float | None]]
) -> list[int] | None:
    """Return the tier of each index: what any model put lower, and below that what not every model scored."""
    count = len(columns[0])
    partly = [bool(ranking) and len(ranking) < count for ranking in rankings]
    if not any(partly) and all(ranking[-1].tier == 0 for ranking in rankings if ranking):
        return None
    tiers = [0] * count
    for ranking in rankings:
        for item in ranking:
            tiers[item.index] = max(item.tier, tiers[item.index])
    lowest = max(tiers, default=0) + 1
    for incomplete, column in zip(partly, columns, strict=True):
        if incomplete:
            tiers = [lowest if score is None else tier for score, tier in zip(column, tiers, strict=True)]
    return tiers


def _checked_weights(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    if weights is None:
        return (1.0,) * count
    numbers = checked_numbers("weights", weights)
    if len(numbers) != count or not all(math.isfinite(weight) and weight > 0 for weight in numbers):
        raise refuse(f"weights is {weights!r} for {count} models.", "Pass one positive number a model.")
    return numbers
