"""Marks of the picture's axes."""

from __future__ import annotations

import re

import pytest

from localrank.evaluation.scatter import _Scale, _value_ticks


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        ([0.27, 0.54, 0.62], ["0.3", "0.4", "0.5", "0.6"]),
        ([0.926, 1.0], ["0.92", "0.94", "0.96", "0.98", "1.00"]),
        ([0.0, 1.0], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0.5, 0.5], ["0.48", "0.49", "0.50", "0.51", "0.52"]),
        ([3.0, 41.0], ["10", "20", "30", "40"]),
    ],
)
def test_values_are_marked_at_round_numbers_and_shares_at_none_above_one(
    values: list[float], marks: list[str]
) -> None:
    shown = "".join(_value_ticks(_Scale(values, 300.0, 0.0, margin=0.02), most=max(values)))

    assert re.findall(r">([\d.,]+)</text>", shown) == marks
