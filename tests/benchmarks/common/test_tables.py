from __future__ import annotations

import pytest

from benchmarks.common.tables import bytes_text, markdown_table, milliseconds, times


def test_the_first_column_stands_left_and_the_others_right() -> None:
    assert markdown_table(["a", "b"], [["x", 1]]).splitlines() == [
        "| a | b |",
        "| --- | ---: |",
        "| x | 1 |",
    ]


def test_a_bar_or_a_line_break_in_a_cell_does_not_break_the_table() -> None:
    assert markdown_table(["a"], [["x|y\nz"]]).splitlines()[-1] == "| x\\|y z |"


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (0.00123, "1.23"), (0.0456, "45.6"), (1.2345, "1,234")]
)
def test_milliseconds_have_three_figures(seconds: float | None, text: str) -> None:
    assert milliseconds(seconds) == text


@pytest.mark.parametrize(("ratio", "text"), [(None, "–"), (2.714, "2.71×"), (12.34, "12.3×"), (56.7, "57×")])
def test_ratios_have_three_figures(ratio: float | None, text: str) -> None:
    assert times(ratio) == text


@pytest.mark.parametrize(("count", "text"), [(None, "–"), (270e6, "270 MB"), (7.4e9, "7.4 GB")])
def test_sizes_are_in_powers_of_ten(count: float | None, text: str) -> None:
    assert bytes_text(count) == text
