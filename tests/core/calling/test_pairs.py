"""Scores of pairs: grouped by query, in the order of the pairs, or refused where numbers cannot say it."""

from __future__ import annotations

import pytest

from localrank import Cascade, InvalidResponseError
from localrank.calling.pairs import LOWEST, score_pairs_sync
from localrank.testing import LexicalReranker, MockReranker
from tests.support.small_models import Scoring


def test_each_query_is_asked_once_and_scores_keep_the_order_of_the_pairs() -> None:
    model = Scoring(len)

    scores = score_pairs_sync(model, [("q", "a"), ("r", "bbb"), ("q", "cc")])

    assert scores == [1.0, 3.0, 2.0]
    assert sorted(model.asked) == [("a", "cc"), ("bbb",)]


def test_equal_pairs_are_scored_each() -> None:
    assert score_pairs_sync(Scoring(len), [("q", "a"), ("q", "a")]) == [1.0, 1.0]


def test_no_pairs_ask_nothing() -> None:
    assert score_pairs_sync("lexical:default", []) == []


def test_tiers_are_refused() -> None:
    model = Cascade(LexicalReranker(), MockReranker(), keep=1)

    with pytest.raises(InvalidResponseError, match="tiers"):
        score_pairs_sync(model, [("q", "a"), ("q", "b")])


@pytest.mark.parametrize(("kind", "lowest"), [("probability", 0.0), ("logit", LOWEST), ("unknown", LOWEST)])
def test_a_pair_without_a_word_on_either_side_has_the_lowest_score(kind: str, lowest: float) -> None:
    model = Scoring(len)
    model.score_kind = kind

    assert score_pairs_sync(model, [("q", "a"), ("q", " "), ("", "a"), ("q", "")]) == [
        1.0,
        lowest,
        lowest,
        lowest,
    ]
    assert model.asked == [("a",)]
