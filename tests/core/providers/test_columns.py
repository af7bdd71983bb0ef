"""What a narrow terminal shows of a table."""

from __future__ import annotations

import pytest

from localrank.providers.columns import cut, padded, shown_columns, width_of

NAMES = ("NAME", "SIZE", "NOTE")
ROWS = [("mini", "9 MB", "short"), ("a-longer-name", "120 MB", "a note of some length")]


@pytest.mark.parametrize(
    ("room", "shown"),
    [(44, [0, 1, 2]), (43, [0, 1]), (21, [0, 1]), (20, [0]), (1, [0])],
)
def test_what_is_expendable_goes_until_the_rest_has_room(room: int, shown: list[int]) -> None:
    assert shown_columns(NAMES, ROWS, room, expendable=("NOTE", "SIZE")) == shown


def test_a_column_that_may_be_narrower_stays_where_its_least_has_room() -> None:
    assert shown_columns(NAMES, ROWS, 31, expendable=("NOTE",), least={"NOTE": 8}) == [0, 1, 2]
    assert shown_columns(NAMES, ROWS, 30, expendable=("NOTE",), least={"NOTE": 8}) == [0, 1]


@pytest.mark.parametrize(("text", "width"), [("ab", 2), ("日本", 4), ("e\u0301", 1), ("", 0)])
def test_a_wide_letter_takes_two_cells_and_a_mark_none(text: str, width: int) -> None:
    assert width_of(text) == width
    assert width_of(padded(text, 6)) == width_of(padded(text, 6, right=True)) == 6


@pytest.mark.parametrize(
    ("text", "width", "kept"),
    [("short", 5, "short"), ("longer", 5, "long…"), ("日本語", 5, "日本…"), ("ab cd", 4, "ab…")],
)
def test_what_is_cut_ends_with_a_mark(text: str, width: int, kept: str) -> None:
    assert cut(text, width) == kept
