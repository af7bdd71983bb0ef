"""A fitted map from a model's scores to probabilities, as data that is saved and loaded."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from localrank.compose.rules.fitting import (
    fit_isotonic,
    fit_temperature,
    interpolated,
    logit_of,
    precision_curve,
    sigmoid,
)
from localrank.compose.wrapping.wrapper import refuse
from localrank.providers.arguments import check_path
from localrank.providers.files import read_settings_file, replace_file

__all__ = ["Calibration", "CalibrationMethod", "fit_calibration"]

CalibrationMethod = Literal["temperature", "isotonic"]

_FORMAT = "localrank-calibration-1"
_MOST_POINTS = 512
_TIE_SHARE = 1e-6
"""How much of the raw order stays in an isotonic probability, so that a flat stretch keeps the ranking."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Maps scores to probabilities and keeps their order.

    Attributes:
        method: `temperature` or `isotonic`.
        fingerprint: Of the model that it was fitted to.
        bounded: Whether the raw scores lie in 0–1, so that they are turned into logits first.
        slope: Of `temperature`: 1 / temperature.
        bias: Of `temperature`.
        points: Of `isotonic`: (score, probability), rising.
        curve: (threshold, precision, recall) on the pairs it was fitted to, thresholds falling.
        pairs: How many pairs it was fitted to.
    """

    method: CalibrationMethod
    fingerprint: str
    bounded: bool
    slope: float
    bias: float
    points: tuple[tuple[float, float], ...]
    curve: tuple[tuple[float, float, float], ...]
    pairs: int

    def probability(self, score: float) -> float:
        """Return the probability that a document with `score` is relevant."""
        logit = logit_of(score) if self.bounded else score
        if self.method == "temperature":
            return sigmoid(self.slope * logit + self.bias)
        fitted = interpolated(self.points, logit)
        return (1 - _TIE_SHARE) * fitted + _TIE_SHARE * sigmoid(logit)

    def threshold_for(self, precision: float) -> float:
        """Return the lowest probability from which on at least `precision` of the fitted pairs are relevant.

        Raises:
            InvalidRequestError: `precision` is not in 0–1, or no threshold reaches it; the message says what is reached.
        """
        if not 0 < precision <= 1:
            raise refuse(f"precision is {precision!r}.", "Pass a number above 0 and at most 1.")
        reached = [threshold for threshold, share, _ in self.curve if share >= precision]
        if not reached:
            best = max(share for _, share, _ in self.curve)
            raise refuse(
                f"No threshold reaches precision={precision:g}; the best is {best:.3g}.",
                "Ask for less, or fit with more labelled pairs.",
            )
        return min(reached)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the calibration as JSON; an existing file is replaced as a whole."""
        replace_file(check_path("path", path), json.dumps({"format": _FORMAT, **asdict(self)}, indent=1))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Calibration:
        """Read what `save` wrote.

        Raises:
            InvalidRequestError: The file is absent or holds no calibration.
        """
        file = check_path("path", path)
        try:
            return _from_json(json.loads(read_settings_file(file)))
        except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
            raise refuse(
                f"{path} holds no calibration ({type(error).__name__}).", "Write one with Calibrated.save."
            ) from None


def _from_json(fields: Mapping[str, Any]) -> Calibration:
    if fields["format"] != _FORMAT or fields["method"] not in {"temperature", "isotonic"}:
        raise ValueError(fields["format"])
    points = tuple((float(score), float(share)) for score, share in fields["points"])
    if fields["method"] == "isotonic" and not points:
        raise ValueError("points")
    return Calibration(
        method=fields["method"],
        fingerprint=str(fields["fingerprint"]),
        bounded=bool(fields["bounded"]),
        slope=float(fields["slope"]),
        bias=float(fields["bias"]),
        points=points,
        curve=tuple((float(t), float(p), float(r)) for t, p, r in fields["curve"]),
        pairs=int(fields["pairs"]),
    )


def fit_calibration(
    scores: Sequence[float],
    labels: Sequence[bool],
    *,
    method: CalibrationMethod = "temperature",
    fingerprint: str = "",
    bounded: bool | None = None,
) -> Calibration:
    """Return the calibration that fits `scores` to `labels` best.

    Args:
        scores: The model's raw scores.
        labels: Whether each pair is relevant.
        method: `temperature` (two numbers, for some dozens of pairs or more) or `isotonic` (any rising shape, for a thousand or
            more).
        fingerprint: Of the model.
        bounded: Whether scores lie in 0–1 by their nature; None looks at them.

    Raises:
        InvalidRequestError: Fewer than two pairs, only one kind of label, or scores that rank the irrelevant above the
            relevant.
    """
    if method not in {"temperature", "isotonic"}:
        raise refuse(f"method is {method!r}.", "Pass 'temperature' or 'isotonic'.")
    if len(scores) != len(labels) or not all(map(math.isfinite, scores)):
        raise refuse(f"{len(scores)} scores, {len(labels)} labels.", "Pass one label a finite score.")
    if len(set(map(bool, labels))) < 2:
        raise refuse(
            f"{len(labels)} labelled pairs of one kind.",
            "Pass relevant and irrelevant pairs, some dozens of each.",
        )
    inside = all(0 <= score <= 1 for score in scores) if bounded is None else bounded
    logits = [logit_of(score) for score in scores] if inside else list(scores)
    slope, bias = fit_temperature(logits, labels) if method == "temperature" else (1.0, 0.0)
    if slope <= 0:
        raise refuse(
            f"The fitted slope is {slope:.3g}: the scores rank the irrelevant above the relevant.",
            "Check the labels; True means relevant.",
        )
    points = tuple(fit_isotonic(logits, labels)) if method == "isotonic" else ()
    bare = Calibration(method, fingerprint, inside, slope, bias, points, (), len(labels))
    curve = precision_curve([bare.probability(score) for score in scores], labels)
    every = -(-len(curve) // _MOST_POINTS)
    return Calibration(method, fingerprint, inside, slope, bias, points, tuple(curve[::every]), len(labels))
