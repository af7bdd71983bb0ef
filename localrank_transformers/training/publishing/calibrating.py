"""Two numbers for the logits: sigmoid(scale · logit + shift) as a probability, and how far from true it is before and after.

Both are put into the last layer, so that every program that reads the weights gives the calibrated score, and the order stays
exactly as it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from localrank.compose.rules.fitting import fit_temperature
from localrank_transformers.call.call import score
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.request import Calibrated

__all__ = ["calibrate", "expected_error"]

BINS = 10
LEAST_GAIN = 0.001
"""Of the calibration error; less is chance."""


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
    relevant = [label > 0 for example in lists for label in example.labels or (0.0,) * len(example.documents)]
    before = expected_error(flat, relevant)
    as_it_is = Calibrated(1.0, 0.0, before, before, len(flat))
    if not any(relevant) or all(relevant):
        return as_it_is
    scale, shift = fit_temperature(flat, relevant, biased=shifts)
    after = expected_error([scale * value + shift for value in flat], relevant)
    if scale <= 0 or after > before - LEAST_GAIN:
        return as_it_is
    return Calibrated(scale, shift, before, after, len(flat))


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
