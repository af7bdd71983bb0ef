"""Logits into scores."""

from __future__ import annotations

from localrank_transformers.call.call import score


def test_the_sigmoid_neither_overflows_nor_ties_large_logits() -> None:
    assert [score(value, "sigmoid") for value in (-1000.0, 0.0, 1000.0)] == [0.0, 0.5, 1.0]
    assert score(20.0, "sigmoid") < score(21.0, "sigmoid") < 1.0


def test_no_activation_keeps_the_logit() -> None:
    assert score(-3.25, "none") == -3.25
