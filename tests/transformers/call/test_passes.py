"""Documents in slices: each different text once, with the places where it stands."""

from __future__ import annotations

from localrank_transformers.call.passes import distinct_slices


def test_equal_texts_stand_once_with_all_their_places() -> None:
    assert list(distinct_slices(["a", "b", "a"], range(3), 10)) == [{"a": [0, 2], "b": [1]}]


def test_a_slice_holds_no_more_than_its_size() -> None:
    assert list(distinct_slices(["a", "b", "c"], range(3), 2)) == [{"a": [0], "b": [1]}, {"c": [2]}]


def test_only_the_asked_places_are_taken() -> None:
    assert list(distinct_slices(["a", "b", "c"], [2, 0], 10)) == [{"c": [2], "a": [0]}]


def test_no_place_gives_no_slice() -> None:
    assert list(distinct_slices(["a"], [], 10)) == []
