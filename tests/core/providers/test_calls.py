"""Whatever a model answers, the checked ranking is sorted, unique, in range and finite, or it is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank import DoRerankOptions, DoRerankResult, InvalidResponseError, ScoredIndex
from localrank.providers.calls import checked, sort_and_cut
from localrank.providers.unscored import RestUnscored, unscored
from localrank.testing import MockReranker

FINITE = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 3).map(float)
TOP_K = st.none() | st.integers(1, 12)


@st.composite
def rankings(draw: st.DrawFn) -> tuple[int, list[ScoredIndex]]:
    count = draw(st.integers(0, 10))
    indexes = draw(st.permutations(range(count)))
    return count, [ScoredIndex(i, draw(FINITE), tier=draw(st.integers(0, 2))) for i in indexes]


def options(count: int, top_k: int | None) -> DoRerankOptions:
    return DoRerankOptions("q", ("text",) * count, top_k=top_k)


def keys(results: Any) -> list[tuple[int, float, int]]:
    return [(item.tier, -item.score, item.index) for item in results]


@given(rankings(), TOP_K)
def test_a_valid_ranking_comes_back_sorted_and_cut(
    ranking: tuple[int, list[ScoredIndex]], top_k: int | None
) -> None:
    count, items = ranking

    results = checked(DoRerankResult(items), model=MockReranker(), options=options(count, top_k)).results

    assert keys(results) == sorted(keys(items))[:top_k]
    assert len(results) == min(count, top_k or count)


@given(rankings(), TOP_K)
def test_the_order_of_the_answer_does_not_matter(
    ranking: tuple[int, list[ScoredIndex]], top_k: int | None
) -> None:
    _, items = ranking

    assert sort_and_cut(items, top_k) == sort_and_cut(reversed(items), top_k)


@given(rankings(), TOP_K)
def test_checking_twice_changes_nothing(ranking: tuple[int, list[ScoredIndex]], top_k: int | None) -> None:
    count, items = ranking
    once = checked(DoRerankResult(items), model=MockReranker(), options=options(count, top_k))

    assert checked(once, model=MockReranker(), options=options(count, top_k)) == once


@given(rankings())
def test_a_cut_ranking_is_the_beginning_of_the_whole_one(ranking: tuple[int, list[ScoredIndex]]) -> None:
    _, items = ranking
    whole = sort_and_cut(items, None)

    assert all(sort_and_cut(items, top_k) == whole[:top_k] for top_k in range(1, len(items) + 2))


ODD = st.one_of(
    st.floats(),
    st.integers(-(10**400), 10**400),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
    st.complex_numbers(),
    st.sampled_from(
        [np.float32("nan"), np.int64(1), np.array([1.0, 2.0]), np.array(0.5), np.str_("1"), object()]
    ),
)


@given(st.lists(st.tuples(ODD, ODD, ODD), max_size=5), st.integers(0, 5))
def test_any_answer_is_either_valid_or_refused(items: list[tuple[Any, Any, Any]], count: int) -> None:
    answer = DoRerankResult([ScoredIndex(index, score, tier=tier) for index, score, tier in items])

    try:
        results = checked(answer, model=MockReranker(), options=options(count, None)).results
    except InvalidResponseError:
        return

    assert all(type(item.index) is int and type(item.score) is float for item in results)
    assert all(0 <= item.index < count and math.isfinite(item.score) for item in results)
    assert len({item.index for item in results}) == len(results)
    assert keys(results) == sorted(keys(results))


def test_unscored_documents_stand_below_all_others_in_their_order() -> None:
    results = sort_and_cut([*unscored([3, 1]), ScoredIndex(2, -9.0), ScoredIndex(0, -9.0, tier=7)], None)

    assert [item.index for item in results] == [2, 0, 1, 3]
    assert [item.metadata for item in results] == [None, None, {"scored": False}, {"scored": False}]
    assert [item.score for item in results[2:]] == [0.0, 0.0]


class Unreadable(Mapping[str, Any]):
    """Metadata that cannot be read."""

    def __getitem__(self, key: str) -> Any:
        raise OSError("the line is dead")

    def __iter__(self) -> Iterator[str]:
        return iter(["logit"])

    def __len__(self) -> int:
        return 1


def test_metadata_that_cannot_be_read_are_a_breach_of_the_contract() -> None:
    answer = DoRerankResult([ScoredIndex(0, 0.5, metadata=Unreadable())])

    with pytest.raises(InvalidResponseError, match=r"metadata for index 0 that cannot be read \(OSError\)"):
        checked(answer, model=MockReranker(), options=options(1, None))


def test_a_document_without_words_stands_last_whatever_the_model_says_of_it() -> None:
    asked = DoRerankOptions("q", ("", "word", " \n", "words"), top_k=3)
    answer = DoRerankResult([ScoredIndex(index, 1.0 - index / 10) for index in range(4)])

    result = checked(answer, model=MockReranker(), options=asked)

    assert [(item.index, item.tier > 0, item.metadata) for item in result.results] == [
        (1, False, None),
        (3, False, None),
        (0, True, {"scored": False}),
    ]
    assert [(warning.type, warning.message[:21]) for warning in result.warnings] == [
        ("blank_documents", "2 documents have no t")
    ]


def test_blank_documents_are_told_once() -> None:
    asked = DoRerankOptions("q", ("", "word"))
    once = checked(
        DoRerankResult([ScoredIndex(0, 1.0), ScoredIndex(1, 0.5)]), model=MockReranker(), options=asked
    )

    assert checked(once, model=MockReranker(), options=asked) == once


def test_where_objects_are_read_a_text_may_be_blank() -> None:
    asked = DoRerankOptions("q", ("", "word"), objects=({"title": "t"}, {"text": "word"}))
    answer = DoRerankResult([ScoredIndex(0, 1.0), ScoredIndex(1, 0.5)])

    assert [item.index for item in checked(answer, model=MockReranker(), options=asked).results] == [0, 1]


def test_a_blank_document_of_a_ranking_that_was_cut_short_is_among_the_rest() -> None:
    asked = DoRerankOptions("q", ("word", "", "left", "words"))
    answer = DoRerankResult(RestUnscored([ScoredIndex(1, 0.9), ScoredIndex(3, 0.5)], 4))

    assert [item.index for item in checked(answer, model=MockReranker(), options=asked).results] == [
        3,
        0,
        1,
        2,
    ]
