"""What a narrow terminal shows of a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank.providers.columns import cut, padded, shown_columns, width_of, wrapped

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


@pytest.mark.parametrize(
    ("text", "width"),
    [("ab", 2), ("日本", 4), ("e\u0301", 1), ("❤\ufe0f", 1), ("a\u200db", 2), ("😀", 2), ("", 0)],
)
def test_a_wide_letter_takes_two_cells_and_a_mark_none(text: str, width: int) -> None:
    assert width_of(text) == width
    assert width_of(padded(text, 6)) == width_of(padded(text, 6, right=True)) == 6


@pytest.mark.parametrize(
    ("text", "width", "kept"),
    [("short", 5, "short"), ("longer", 5, "long…"), ("日本語", 5, "日本…"), ("ab cd", 4, "ab…")],
)
def test_what_is_cut_ends_with_a_mark(text: str, width: int, kept: str) -> None:
    assert cut(text, width) == kept


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two", ["one two"]),
        ("a word " * 6, ["a word a word a word a word a", "word a word"]),
        ("日本語の文書を順位付けする模型の名前", ["日本語の文書を順位付けする模型", "の名前"]),
        ("これは三十の幅に入る文章ですね。次", ["これは三十の幅に入る文章です", "ね。次"]),
        (
            "模型 /a/path/that/is/longer/than/the/line 模型",
            ["模型", "/a/path/that/is/longer/than/the/line", "模型"],
        ),
        ("", [""]),
        ("two\nlines", ["two lines"]),
    ],
)
def test_lines_are_as_wide_as_cells_allow_and_break_where_a_reader_does(text: str, lines: list[str]) -> None:
    assert wrapped(text, 30) == lines


@given(st.text(st.sampled_from("ab日本、。」 \u0301😀\t"), max_size=120), st.integers(0, 60))
def test_no_line_of_letters_is_too_wide_and_none_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        assert width_of(line) <= max(30, width) or " " not in line
