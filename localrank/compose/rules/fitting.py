"""Fit a map from scores to probabilities from judged pairs: temperature with a bias, and isotonic regression. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["fit_isotonic", "fit_temperature", "interpolated", "logit_of", "precision_curve", "sigmoid"]

_FARTHEST_LOGIT = 30.0
_STEPS = 100
_CLOSE_ENOUGH = 1e-10
_RIDGE = 1e-6
"""Keeps the fit finite where the scores separate the labels without a fault."""


def sigmoid(value: float) -> float:
    """Return 1 / (1 + e⁻ᵛ), for any finite value."""
    if value >= 0:
        return 1 / (1 + math.exp(-value))
    grown = math.exp(value)
    return grown / (1 + grown)


def logit_of(probability: float) -> float:
    """Return log(p / (1 − p)), at most 30 in size."""
    if probability <= 0:
        return -_FARTHEST_LOGIT
    if probability >= 1:
        return _FARTHEST_LOGIT
    value = math.log(probability) - math.log1p(-probability)
    return max(-_FARTHEST_LOGIT, min(_FARTHEST_LOGIT, value))


def fit_temperature(
    logits: Sequence[float], labels: Sequence[bool], *, biased: bool = True
) -> tuple[float, float]:
    """Return slope and bias of `sigmoid(slope · logit + bias)` with the least log loss; the temperature is 1 / slope.

    Temperature scaling is of Guo et al., "On Calibration of Modern Neural Networks", ICML 2017; the bias, for lists with few
    relevant documents, of Platt, "Probabilistic Outputs for Support Vector Machines", 1999, with his smoothed targets. Newton's
    method.

    Args:
        logits: Scores on an unbounded scale.
        labels: Whether each pair is relevant; both kinds occur.
        biased: Whether there is a bias; else it is 0.
    """
    positives = sum(labels)
    high, low = (positives + 1) / (positives + 2), 1 / (len(labels) - positives + 2)
    targets = [high if label else low for label in labels]
    slope, bias = 1.0, 0.0
    loss = _loss(logits, targets, slope, bias)
    for _ in range(_STEPS):
        step_slope, step_bias = _newton_step(logits, targets, slope, bias, biased=biased)
        share = 1.0
        while share > _CLOSE_ENOUGH:
            tried = slope - share * step_slope, bias - share * step_bias
            new_loss = _loss(logits, targets, *tried)
            if new_loss <= loss:
                break
            share /= 2
        else:
            break
        gained, loss = loss - new_loss, new_loss
        slope, bias = tried
        if gained < _CLOSE_ENOUGH * (1 + loss):
            break
    return slope, bias


def _newton_step(
    logits: Sequence[float], targets: Sequence[float], slope: float, bias: float, *, biased: bool
) -> tuple[float, float]:
    by_slope, by_bias = _RIDGE * slope, _RIDGE * bias
    square, cross, flat = _RIDGE, 0.0, _RIDGE
    for logit, target in zip(logits, targets, strict=True):
        probability = sigmoid(slope * logit + bias)
        error, weight = probability - target, probability * (1 - probability)
        by_slope += error * logit
        by_bias += error
        square += weight * logit * logit
        cross += weight * logit
        flat += weight
    if not biased:
        return by_slope / square, 0.0
    determinant = square * flat - cross * cross
    if determinant <= 0:
        return by_slope / square, by_bias / flat
    return (
        (flat * by_slope - cross * by_bias) / determinant,
        (square * by_bias - cross * by_slope) / determinant,
    )


def _loss(logits: Sequence[float], targets: Sequence[float], slope: float, bias: float) -> float:
    total = _RIDGE * (slope * slope + bias * bias) / 2
    for logit, target in zip(logits, targets, strict=True):
        value = slope * logit + bias
        total += max(value, 0.0) + math.log1p(math.exp(-abs(value))) - target * value
    return total


def fit_isotonic(scores: Sequence[float], labels: Sequence[bool]) -> list[tuple[float, float]]:
    """Return points (score, probability), rising in both, of the step-free isotonic fit.

    Pool adjacent violators (Ayer et al., 1955; for classifiers Zadrozny and Elkan, KDD 2002). Each pooled block is one point at
    the mean of its scores; between points the fit is linear, so that different scores keep different probabilities.

    Args:
        scores: The scores, on any scale.
        labels: Whether each pair is relevant.
    """
    blocks: list[list[float]] = []  # score sum, label sum, count
    for score, label in sorted(zip(scores, labels, strict=True)):
        blocks.append([score, float(label), 1.0])
        while len(blocks) > 1 and (
            blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]
            or blocks[-2][0] / blocks[-2][2] == blocks[-1][0] / blocks[-1][2]
        ):
            last = blocks.pop()
            blocks[-1] = [known + more for known, more in zip(blocks[-1], last, strict=True)]
    return [(scores_sum / count, labels_sum / count) for scores_sum, labels_sum, count in blocks]


def interpolated(points: Sequence[tuple[float, float]], score: float) -> float:
    """Return the probability of `score` on the line through `points`; beyond the ends, the end's."""
    before, after = points[0], points[-1]
    if score <= before[0]:
        return before[1]
    if score >= after[0]:
        return after[1]
    low, high = 0, len(points) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if points[middle][0] <= score else (low, middle)
    before, after = points[low], points[high]
    share = (score - before[0]) / (after[0] - before[0])
    return before[1] + share * (after[1] - before[1])


def precision_curve(
    probabilities: Sequence[float], labels: Sequence[bool]
) -> list[tuple[float, float, float]]:
    """Return (threshold, precision, recall) of keeping what scores at least the threshold, thresholds falling.

    Args:
        probabilities: The calibrated scores.
        labels: Whether each pair is relevant; at least one is.
    """
    ranked = sorted(zip(probabilities, labels, strict=True), reverse=True)
    relevant = sum(labels)
    curve: list[tuple[float, float, float]] = []
    relevant_kept = 0
    for kept, (threshold, label) in enumerate(ranked, start=1):
        relevant_kept += label
        if kept == len(ranked) or ranked[kept][0] != threshold:
            curve.append((threshold, relevant_kept / kept, relevant_kept / relevant))
    return curve
