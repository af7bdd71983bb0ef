"""Fitting and measuring what a score means."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")

from benchmarks.embedded.measuring.calibrate import calibration_error, fit_scores  # noqa: E402


def test_a_known_temperature_and_bias_are_found_again() -> None:
    draw = np.random.default_rng(5)
    logits = draw.normal(0, 4, 20_000)
    labels = (draw.random(20_000) < 1 / (1 + np.exp(-(logits - 1.5) / 2))).astype(float)
    fit = fit_scores(logits, labels)
    assert fit.temperature == pytest.approx(2, abs=0.1)
    assert fit.bias == pytest.approx(-1.5, abs=0.15)
    assert calibration_error(fit(logits), labels) < 0.01


def test_scores_that_are_always_too_high_have_that_error() -> None:
    assert calibration_error(np.full(300, 0.9), np.repeat([1.0, 0.0], 150)) == pytest.approx(0.4)
