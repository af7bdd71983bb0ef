"""Answers are read and mended into permutations, and windows carry the best documents to the top."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank_transformers.families.listwise.ordering import identifiers, repaired, sliding_order, windows

COUNTS = st.integers(1, 40)


@pytest.mark.parametrize(
    ("answer", "places"),
    [
        ("[2] > [1] > [3]", [1, 0, 2]),
        ("2 > 1 > 3", [1, 0, 2]),
        ("The 3 best: [2] > [ 1 ]", [1, 0]),
        ("<think>[1] is off topic</think>\n[2] > [1]", [1, 0]),
        ("[0] > [1]", [-1, 0]),
        ("[99999999999999999999] > [1]", [0]),
        ("I cannot rank these.", []),
        ("", []),
    ],
)
def test_the_places_that_an_answer_names(answer: str, places: list[int]) -> None:
    assert identifiers(answer) == places


@pytest.mark.parametrize(
    ("found", "whole"),
    [
        ([1, 0, 2], [1, 0, 2]),
        ([2], [2, 0, 1]),
        ([1, 1, 0, 1], [1, 0, 2]),
        ([7, 2, -1], [2, 0, 1]),
        ([], [0, 1, 2]),
    ],
)
def test_what_is_missing_repeated_or_out_of_range_is_mended(found: list[int], whole: list[int]) -> None:
    assert repaired(found, 3) == whole


@given(st.lists(st.integers(-5, 45)), COUNTS)
def test_any_answer_becomes_a_permutation_that_keeps_its_valid_part(found: list[int], count: int) -> None:
    whole = repaired(found, count)
    named = [place for place in whole if place in found]

    assert sorted(whole) == list(range(count))
    assert whole[: len(named)] == named == sorted(named, key=found.index)
    assert whole[len(named) :] == sorted(whole[len(named) :])
    assert repaired(whole, count) == whole


@given(st.text(), COUNTS)
def test_any_text_becomes_a_permutation(answer: str, count: int) -> None:
    assert sorted(repaired(identifiers(answer), count)) == list(range(count))


@given(st.integers(1, 200), st.integers(2, 30), st.data())
def test_windows_cover_the_list_from_its_end_to_its_beginning(
    count: int, size: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, size))
    found = windows(count, size=size, stride=stride)

    assert found[0][1] == count
    assert found[-1][0] == 0
    assert {place for start, end in found for place in range(start, end)} == set(range(count))
    assert all(0 < end - start <= size for start, end in found)
    assert all(later < earlier for (_, earlier), (_, later) in itertools.pairwise(found))


def test_a_hundred_documents_make_nine_windows_of_twenty() -> None:
    found = windows(100, size=20, stride=10)

    assert len(found) == 9
    assert found[:2] == [(80, 100), (70, 90)]
    assert found[-1] == (0, 20)


@given(st.permutations(range(30)), st.integers(4, 12), st.integers(1, 3))
def test_one_pass_carries_the_best_of_a_window_to_the_top(
    relevance: list[int], size: int, passes: int
) -> None:
    stride = size // 2
    *_, last = sliding_order(
        30,
        size=size,
        stride=stride,
        passes=passes,
        rank_window=lambda window: sorted(range(len(window)), key=lambda place: -relevance[window[place]]),
    )
    best = sorted(range(30), key=lambda index: -relevance[index])

    sure = min(30, (size - stride) * passes)
    assert last[:sure] == best[:sure]


@given(st.integers(1, 40), st.integers(2, 12), st.data())
def test_every_order_on_the_way_is_a_permutation(count: int, size: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, size))
    orders = list(
        sliding_order(
            count,
            size=size,
            stride=stride,
            passes=2,
            rank_window=lambda window: data.draw(st.permutations(range(len(window)))),
        )
    )

    assert all(sorted(order) == list(range(count)) for order in orders)
    assert len(orders) == (1 if count < 2 else 2 * len(windows(count, size=size, stride=stride)))
