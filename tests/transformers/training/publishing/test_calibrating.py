"""The scale and the shift of a score that shall read as a probability."""

from __future__ import annotations

import math
import random

import pytest

from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.publishing.calibrating import calibrate, expected_error


def miscalibrated(factor: float, offset: float = 0.0) -> tuple[list[float], list[bool]]:
    dice = random.Random(5)
    true = [dice.gauss(0, 2) for _ in range(4000)]
    return (
        [factor * logit + offset for logit in true],
        [dice.random() < 1 / (1 + math.exp(-logit)) for logit in true],
    )


def test_without_a_shift_the_factor_alone_is_undone() -> None:
    logits, relevant = miscalibrated(3.0)
    one = TrainingList("q", tuple(map(str, range(len(logits)))), tuple(map(float, relevant)))
    found = calibrate([logits], [one], shifts=False)
    assert found.scale == pytest.approx(1 / 3, rel=0.1)
    assert found.shift == 0.0


def test_a_score_that_is_always_sure_and_half_right_is_half_wrong() -> None:
    assert expected_error([40.0, 40.0], [True, False]) == pytest.approx(0.5)


def test_calibrating_lessens_the_error_and_says_by_how_much() -> None:
    logits, relevant = miscalibrated(3.0, 4.0)
    one = TrainingList("q", tuple(map(str, range(len(logits)))), tuple(map(float, relevant)))
    found = calibrate([logits], [one])
    assert found.before > 0.2
    assert found.after < 0.03
    assert found.pairs == len(logits)


@pytest.mark.parametrize("logits", [[40.0, -40.0], [-1.0, 1.0]], ids=["right as it is", "upside down"])
def test_numbers_that_do_not_help_or_turn_the_order_are_not_kept(logits: list[float]) -> None:
    found = calibrate([logits], [TrainingList("q", ("a", "b"), (1.0, 0.0))])
    assert (found.scale, found.shift) == (1.0, 0.0)
    assert found.after == found.before
