from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank.providers.trec import falling_scores, score_text

SCORES = st.lists(st.floats(-1e6, 1e6), max_size=40).map(lambda scores: sorted(scores, reverse=True))


def as_float32(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


@given(SCORES)
def test_scores_fall_strictly_as_float32_and_as_text(scores: list[float]) -> None:
    written = [as_float32(float(score_text(score))) for score in falling_scores(scores)]

    assert all(first > second for first, second in pairwise(written))


@given(SCORES)
def test_scores_that_fall_anyway_are_only_rounded(scores: list[float]) -> None:
    distinct = sorted({as_float32(score) for score in scores}, reverse=True)
    distinct = [score for score in distinct if score == 0 or abs(score) > 1e-6]

    assert falling_scores(distinct) == distinct


@pytest.mark.parametrize("scores", [[0.5, 0.5, 0.5], [1.0, 1.0 - 1e-12], [0.2, 0.9, 0.9], [0.0, 0.0, -0.0]])
def test_equal_and_rising_scores_are_lowered_by_little(scores: list[float]) -> None:
    fallen = falling_scores(scores)

    assert fallen[0] == as_float32(scores[0])
    assert fallen == sorted(set(fallen), reverse=True)
    assert fallen[0] - fallen[-1] < 1e-6


def test_a_score_reads_back_exactly() -> None:
    value = as_float32(0.1)

    assert score_text(0.5) == "0.5"
    assert as_float32(float(score_text(value))) == value


def test_below_zero_a_step_is_one_that_no_tool_flushes_to_zero() -> None:
    assert falling_scores([0.0, 0.0]) == [0.0, pytest.approx(-1e-9)]
