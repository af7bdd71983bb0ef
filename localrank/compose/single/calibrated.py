"""Calibration: any model's scores as probabilities that can be compared and cut at a threshold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from localrank.compose.single.calibration import Calibration, CalibrationMethod, fit_calibration
from localrank.compose.wrapping.stages import Stages
from localrank.compose.wrapping.wrapper import (
    Wrapper,
    fingerprint_of,
    name_of,
    refuse,
    refuse_incomparable,
)
from localrank.contract.model import (
    AnyReranker,
    DoRerankOptions,
    DoRerankResult,
    ScoredIndex,
    score_kind,
)
from localrank.contract.types import ScoreKind
from localrank.providers.annotations import check_types
from localrank.providers.calls import call_model
from localrank.providers.registry import resolve
from localrank.providers.unscored import UNSCORED_TIER, scored_part, with_scored

__all__ = ["Calibrated", "LabelledPair"]

_NO_CALIBRATION = "A calibration maps a score of one scale: use a pointwise model."


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """A query, a document, and whether it is relevant."""

    query: str
    document: str
    relevant: bool


class Calibrated(Wrapper):
    """Gives the probability that a document is relevant; the order stays, the raw score is in `metadata["raw_score"]`.

    Args:
        model: The model that `calibration` was fitted to.
        calibration: From `Calibrated.fit`, `Calibration.load` or `fit_calibration`.

    Raises:
        InvalidRequestError: The model is listwise or ordinal, or the calibration was fitted to another one.
    """

    def __init__(self, model: AnyReranker | str, calibration: Calibration) -> None:
        check_types(locals(), Calibrated.__init__, Calibration=Calibration)
        super().__init__("calibrated", [model])
        self.model, self.calibration = self.models[0], calibration
        refuse_incomparable("Calibrated", self.model, _NO_CALIBRATION)
        if calibration.fingerprint not in {"", fingerprint_of(self.model)}:
            raise refuse(
                f"The calibration was fitted to another model than {name_of(self.model)}.",
                "Fit it again; scores of another model, precision or window mean something else.",
            )

    @classmethod
    async def fit(
        cls,
        model: AnyReranker | str,
        pairs: Sequence[LabelledPair],
        *,
        method: CalibrationMethod = "temperature",
    ) -> Self:
        """Score `pairs` and return the model with the calibration that fits them best.

        Args:
            model: A pointwise model.
            pairs: Relevant and irrelevant ones, taken as the model will meet them: from the retriever's candidates.
            method: `temperature` for some dozens of pairs or more, `isotonic` for a thousand or more.

        Raises:
            InvalidRequestError: The model is listwise or ordinal, or the pairs allow no fit.
        """
        inner = resolve(model)
        refuse_incomparable("Calibrated", inner, _NO_CALIBRATION)
        by_query: dict[str, list[LabelledPair]] = {}
        for pair in pairs:
            by_query.setdefault(pair.query, []).append(pair)
        scores: list[float] = []
        labels: list[bool] = []
        for query, asked in by_query.items():
            options = DoRerankOptions(query, tuple(pair.document for pair in asked))
            for item in (await call_model(inner, options)).results:
                if item.tier < UNSCORED_TIER:
                    scores.append(item.score)
                    labels.append(bool(asked[item.index].relevant))
        bounded = {"probability": True, "logit": False}.get(score_kind(inner))
        fitted = fit_calibration(
            scores, labels, method=method, fingerprint=fingerprint_of(inner), bounded=bounded
        )
        return cls(inner, fitted)

    @classmethod
    def load(cls, model: AnyReranker | str, path: str | os.PathLike[str]) -> Self:
        """Return the model with the calibration that `save` wrote.

        Raises:
            InvalidRequestError: No calibration there, or one of another model.
        """
        return cls(model, Calibration.load(path))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the calibration as JSON."""
        self.calibration.save(path)

    def threshold_for(self, precision: float) -> float:
        """Return the lowest score from which on at least `precision` of the fitted pairs are relevant.

        Raises:
            InvalidRequestError: No threshold reaches it.
        """
        return self.calibration.threshold_for(precision)

    @property
    def scores_comparable(self) -> bool:
        """Always: a listwise model is refused."""
        return True

    @property
    def score_kind(self) -> ScoreKind:
        """Always `probability`."""
        return "probability"

    @property
    def settings(self) -> tuple[object, ...]:
        """What the calibration computes with."""
        fitted = self.calibration
        return (fitted.method, fitted.bounded, fitted.slope, fitted.bias, fitted.points)

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Score, then map each score."""
        stages = Stages(options, self.provider)
        answer = await stages.call(self.model, options)
        if answer is None:
            return stages.out_of_time()
        probability = self.calibration.probability
        scored = [
            ScoredIndex(
                item.index,
                probability(item.score),
                item.tier,
                item.truncated,
                {**item.metadata, "raw_score": item.score} if item.metadata else {"raw_score": item.score},
            )
            for item in scored_part(answer.results)
        ]
        return stages.answer(with_scored(answer.results, scored))
