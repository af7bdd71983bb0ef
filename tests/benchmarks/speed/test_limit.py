from __future__ import annotations

import pytest

from benchmarks.speed.limit import Peaks, Work, limit_seconds, work_of
from benchmarks.speed.weights import ModelShape


def test_one_layer_computes_keys_and_values_for_all_tokens_and_the_rest_for_the_first() -> None:
    # h = 2, inner = 8: key and value 2·2·2·2 = 16 a token; query, output and both of the FFN 2·(2·4 + 2·16) = 80
    work = work_of(ModelShape(1, 2, 8), [10])
    assert work.products == 10 * 16 + 80
    # one query row: scores and weighted values, 4·h·tokens
    assert work.attention == 4 * 2 * 10


def test_each_further_layer_computes_every_token() -> None:
    one, two = (work_of(ModelShape(layers, 2, 8), [10, 5]) for layers in (1, 2))
    assert two.products - one.products == 15 * (16 + 80)
    assert two.attention - one.attention == 4 * 2 * (100 + 25)


def test_the_limit_is_the_sum_of_both_at_their_speeds() -> None:
    assert limit_seconds(Work(2e9, 1e9), 1000.0, 500.0) == pytest.approx(0.004)


def test_without_a_speed_there_is_no_limit() -> None:
    assert limit_seconds(Work(1.0, 1.0), None, 5.0) is None


def test_the_peak_is_the_fastest_kind_that_could_be_measured() -> None:
    peaks = Peaks({"ort_int8": 900.0, "onednn_int8": "RuntimeError: no", "ort_fp32": 250.0})
    assert (peaks.int8, peaks.fp32) == (900.0, 250.0)


def test_of_two_measurements_the_higher_counts() -> None:
    first, second = (
        Peaks({"ort_int8": 900.0, "torch_fp32": "no"}),
        Peaks({"ort_int8": 700.0, "torch_fp32": 90.0}),
    )
    assert first.merged(second).speeds == {"ort_int8": 900.0, "torch_fp32": 90.0}
