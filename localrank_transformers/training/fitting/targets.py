"""What a list's scores should become: a distribution over its documents, and a label for each pair."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.request import TrainSettings

__all__ = ["UNLABELLED", "draw", "pair_label", "target"]

UNLABELLED = -1.0
"""Stands for a pair that nobody judged."""


def draw(example: TrainingList, size: int, dice: random.Random) -> TrainingList:
    """Return at most `size` of the documents, drawn by `dice`.

    One positive is always among them, and further ones as often as any other document; where there are no labels, the document
    of the highest score is.
    """
    count = len(example.documents)
    if count <= size:
        return example
    best = _first(example, dice)
    rest = [index for index in range(count) if index != best]
    return example.at([best, *dice.sample(rest, size - 1)])


def _first(example: TrainingList, dice: random.Random) -> int:
    positives = [index for index, label in enumerate(example.labels or ()) if label > 0]
    if positives:
        return dice.choice(positives)
    scores = example.scores or (0.0,) * len(example.documents)
    return max(range(len(scores)), key=scores.__getitem__)


def target(example: TrainingList, settings: TrainSettings) -> list[float]:
    """Return the distribution that a softmax over the list's logits should equal; empty where the list teaches none."""
    hard = _normed(example.labels) if example.labels and settings.loss != "distill" else None
    soft = (
        _softmax(example.scores, settings.temperature)
        if example.scores and settings.loss != "listwise-ce"
        else None
    )
    if hard and soft:
        return [settings.hard * a + (1 - settings.hard) * b for a, b in zip(hard, soft, strict=True)]
    return hard or soft or []


def pair_label(label: float, largest: float) -> float:
    """Return a grade as the probability of being relevant: its share of the largest grade of the data."""
    return min(1.0, label / largest) if largest > 0 else 0.0


def _normed(labels: Sequence[float]) -> list[float] | None:
    total = sum(labels)
    return [label / total for label in labels] if total > 0 else None


def _softmax(scores: Sequence[float], temperature: float) -> list[float]:
    highest = max(scores)
    powers = [math.exp((score - highest) / temperature) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]
