"""The temperature of a score that shall read as a probability."""

from __future__ import annotations

import math
import random

import pytest

from localrank_transformers.training.calibrating import calibrate, expected_error, fit_temperature
from localrank_transformers.training.lists import TrainingList


def overconfident(factor: float, count: int = 4000) -> tuple[list[float], list[bool]]:
    dice = random.Random(5)
    true = [dice.gauss(0, 2) for _ in range(count)]
    return [factor * logit for logit in true], [dice.random() < 1 / (1 + math.exp(-logit)) for logit in true]


def test_the_factor_by_which_logits_are_too_large_is_found() -> None:
    assert fit_temperature(*overconfident(3.0)) == pytest.approx(3.0, rel=0.1)


def test_a_score_that_is_always_sure_and_half_right_is_half_wrong() -> None:
    assert expected_error([40.0, 40.0], [True, False]) == pytest.approx(0.5)


def test_calibrating_lessens_the_error_and_says_by_how_much() -> None:
    logits, relevant = overconfident(3.0)
    one = TrainingList("q", tuple(map(str, range(len(logits)))), tuple(map(float, relevant)))
    found = calibrate([logits], [one])
    assert found.before > 0.08
    assert found.after < 0.03
    assert found.pairs == len(logits)


def test_a_temperature_that_does_not_help_is_not_kept() -> None:
    found = calibrate([[40.0, -40.0]], [TrainingList("q", ("a", "b"), (1.0, 0.0))])
    assert (found.temperature, found.before) == (1.0, pytest.approx(0.0, abs=1e-9))
