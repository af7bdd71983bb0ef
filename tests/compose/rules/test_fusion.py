"""The arithmetic of fusion."""

from __future__ import annotations

import pytest

from localrank.compose.rules.fusion import normalized, reciprocal_ranks, weighted_sum


def test_reciprocal_ranks_add_up_over_the_rankings():
    fused = reciprocal_ranks([[0, 1], [1, 2]], [1.0, 1.0], 4, k=60)
    assert pytest.approx(fused) == [1 / 61, 1 / 62 + 1 / 61, 1 / 62, None]


def test_a_weight_scales_its_ranking():
    assert pytest.approx(reciprocal_ranks([[0], [1]], [0.5, 2.0], 2)) == [0.5 / 61, 2 / 61]


def test_a_weighted_sum_is_the_weighted_mean():
    assert pytest.approx(weighted_sum([[0.8, 0.1], [0.4, 0.3]], [3.0, 1.0])) == [0.7, 0.15]


def test_a_missing_score_leaves_the_mean_of_the_others():
    assert weighted_sum([[0.5, None, None], [None, 0.25, None]], [2.0, 1.0]) == [0.5, 0.25, None]


def test_min_max_reaches_from_zero_to_one():
    assert normalized([2.0, 4.0, 6.0, None], "min-max") == [0.0, 0.5, 1.0, None]


def test_z_has_mean_zero_and_deviation_one():
    assert normalized([2.0, 6.0], "z") == [-1.0, 1.0]


@pytest.mark.parametrize("method", ["min-max", "z"])
def test_equal_scores_become_zero(method):
    assert normalized([5.0, 5.0, None], method) == [0.0, 0.0, None]


def test_no_method_leaves_the_scores_alone():
    assert normalized([2.0, None], None) == [2.0, None]
