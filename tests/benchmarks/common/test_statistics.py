from __future__ import annotations

import pytest

from benchmarks.common.statistics import median_ratio, paired_difference, percentile


def test_a_percentile_between_two_values_is_interpolated() -> None:
    assert percentile([1.0, 3.0, 2.0, 4.0], 0.5) == 2.5


def test_the_highest_percentile_is_the_maximum() -> None:
    assert percentile([5.0, 1.0, 9.0], 1.0) == 9.0


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_ratio_is_taken_within_each_repetition() -> None:
    # the medians' own ratio would be 2
    assert median_ratio([1.0, 2.0, 30.0], [1.0, 1.0, 10.0]) == 2.0
    assert median_ratio([4.0, 2.0, 9.0], [1.0, 2.0, 3.0]) == 3.0


def test_a_repetition_that_one_side_lacks_is_left_out() -> None:
    assert median_ratio([None, 6.0], [1.0, 2.0]) == 3.0


def test_without_a_common_repetition_there_is_no_ratio() -> None:
    assert median_ratio([None], [1.0]) is None


def test_the_interval_of_equal_pairs_is_zero() -> None:
    interval = paired_difference([1.0, 0.0], [1.0, 0.0], samples=50)
    assert (interval.mean, interval.low, interval.high) == (0.0, 0.0, 0.0)


def test_the_interval_of_a_constant_gain_is_that_gain() -> None:
    interval = paired_difference([0.75] * 9, [0.25] * 9, samples=50)
    assert (interval.low, interval.high) == (0.5, 0.5)


def test_the_interval_of_mixed_pairs_spans_zero_and_holds_the_mean() -> None:
    ours = [1.0, 0.0] * 20
    interval = paired_difference(ours, [0.0, 1.0] * 20, samples=500)
    assert interval.low < interval.mean == 0.0 < interval.high
