"""Two numbers for the logits: sigmoid(scale · logit + shift) as a probability, and how far from true it is before and after.

Both are put into the last layer, so that every program that reads the weights gives the calibrated score, and the order stays
exactly as it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from localrank_transformers.scoring import score
from localrank_transformers.training.lists import TrainingList
from localrank_transformers.training.outcome import Calibrated

__all__ = ["calibrate", "expected_error", "fit_platt"]

BINS = 10
LEAST_GAIN = 0.001
"""Of the calibration error; less is chance."""

_STEPS = 50
_SMALLEST_STEP = 1e-7
_DAMPING = 1e-6


def calibrate(
    logits: Sequence[Sequence[float]], lists: Sequence[TrainingList], *, shifts: bool = True
) -> Calibrated:
    """Return scale and shift that fit the lists' labels best; 1 and 0 where they do not lessen the calibration error.

    A document without a positive label counts as irrelevant.

    Args:
        logits: Of every list.
        lists: With labels.
        shifts: Whether a shift can be kept; otherwise it is 0.
    """
    flat = [value for own in logits for value in own]
    relevant = [label > 0 for one in lists for label in one.labels or (0.0,) * len(one.documents)]
    before = expected_error(flat, relevant)
    as_it_is = Calibrated(1.0, 0.0, before, before, len(flat))
    if not any(relevant) or all(relevant):
        return as_it_is
    scale, shift = fit_platt(flat, relevant, shifts=shifts)
    after = expected_error([scale * value + shift for value in flat], relevant)
    if scale <= 0 or after > before - LEAST_GAIN:
        return as_it_is
    return Calibrated(scale, shift, before, after, len(flat))


def fit_platt(
    logits: Sequence[float], relevant: Sequence[bool], *, shifts: bool = True
) -> tuple[float, float]:
    """Return the numbers that make sigmoid(scale · logit + shift) likeliest (Platt 1999), by damped Newton steps.

    As Platt proposes, the targets are (n₊ + 1) / (n₊ + 2) and 1 / (n₋ + 2), so that few pairs do not make it too sure.
    """
    hits = sum(relevant)
    yes, no = (hits + 1) / (hits + 2), 1 / (len(relevant) - hits + 2)
    targets = [yes if hit else no for hit in relevant]
    found, loss = (1.0, 0.0), _cross_entropy((1.0, 0.0), logits, targets)
    for _ in range(_STEPS):
        step = _newton_step(found, logits, targets, shifts=shifts)
        while max(map(abs, step)) > _SMALLEST_STEP:
            tried = found[0] - step[0], found[1] - step[1]
            new = _cross_entropy(tried, logits, targets)
            if new < loss:
                break
            step = step[0] / 2, step[1] / 2
        else:
            break
        found, loss = tried, new
    return found


def _newton_step(
    at: tuple[float, float], logits: Sequence[float], targets: Sequence[float], *, shifts: bool
) -> tuple[float, float]:
    """Return the gradient of the cross-entropy, solved for its curvature."""
    of_scale = of_shift = squares = values = ones = 0.0
    for value, target in zip(logits, targets, strict=True):
        chance = score(at[0] * value + at[1], "sigmoid")
        curvature = chance * (1 - chance)
        of_scale += (chance - target) * value
        of_shift += chance - target
        squares += curvature * value * value
        values += curvature * value
        ones += curvature
    squares, ones = squares + _DAMPING, ones + _DAMPING
    if not shifts:
        return of_scale / squares, 0.0
    area = squares * ones - values * values
    return (ones * of_scale - values * of_shift) / area, (squares * of_shift - values * of_scale) / area


def _cross_entropy(at: tuple[float, float], logits: Sequence[float], targets: Sequence[float]) -> float:
    mapped = [at[0] * value + at[1] for value in logits]
    return sum(
        max(value, 0.0) - target * value + math.log1p(math.exp(-abs(value)))
        for value, target in zip(mapped, targets, strict=True)
    )


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
