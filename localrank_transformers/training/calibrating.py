"""A temperature for the logits: sigmoid(logit / T) as a probability, and how far from true it is before and after.

T is put into the last layer's weights (both its product and its bias are divided by it), so that every program that reads them
gives the calibrated score, and the order stays exactly as it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from localrank_transformers.scoring import score
from localrank_transformers.training.lists import TrainingList
from localrank_transformers.training.outcome import Calibrated

__all__ = ["calibrate", "expected_error", "fit_temperature"]

BINS = 10
LEAST_GAIN = 0.001
"""Of the calibration error; less is chance."""

_LOWEST, _HIGHEST = -3.0, 3.0
"""Of ln T: T stays within 1/20 and 20."""

_ROUNDS = 60
_GOLDEN = (math.sqrt(5) - 1) / 2


def calibrate(logits: Sequence[Sequence[float]], lists: Sequence[TrainingList]) -> Calibrated:
    """Return the temperature that fits the lists' labels best; 1 where it does not lessen the calibration error.

    A document without a positive label counts as irrelevant.
    """
    flat = [value for own in logits for value in own]
    relevant = [label > 0 for one in lists for label in one.labels or (0.0,) * len(one.documents)]
    before = expected_error(flat, relevant)
    temperature = fit_temperature(flat, relevant) if any(relevant) and not all(relevant) else 1.0
    after = expected_error([value / temperature for value in flat], relevant)
    if after > before - LEAST_GAIN:
        return Calibrated(1.0, before, before, len(flat))
    return Calibrated(temperature, before, after, len(flat))


def fit_temperature(logits: Sequence[float], relevant: Sequence[bool]) -> float:
    """Return the T that makes sigmoid(logit / T) likeliest (Guo et al. 2017), by a golden-section search over ln T."""

    def loss(log_temperature: float) -> float:
        scale = math.exp(-log_temperature)
        return sum(_cross_entropy(value * scale, hit) for value, hit in zip(logits, relevant, strict=True))

    low, high = _LOWEST, _HIGHEST
    for _ in range(_ROUNDS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def expected_error(logits: Sequence[float], relevant: Sequence[bool]) -> float:
    """Return the expected calibration error of sigmoid(logit): ten bins of equal width, each weighted by its share."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for value, hit in zip(logits, relevant, strict=True):
        probability = score(value, "sigmoid")
        bins[min(BINS - 1, int(probability * BINS))].append((probability, hit))
    error = 0.0
    for own in filter(None, bins):
        mean = sum(probability for probability, _ in own) / len(own)
        share = sum(hit for _, hit in own) / len(own)
        error += len(own) / len(logits) * abs(mean - share)
    return error


def _cross_entropy(logit: float, hit: bool) -> float:  # noqa: FBT001
    signed = -logit if hit else logit
    return max(signed, 0.0) + math.log1p(math.exp(-abs(signed)))
