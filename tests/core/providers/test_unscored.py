"""The rest of a ranking that a deadline cut short: made when it is looked at, the same as if it had been made at once."""

from __future__ import annotations

import pytest

from localrank import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.providers.calls import checked
from localrank.providers.unscored import RestUnscored, unscored, with_scored
from localrank.testing import LexicalReranker

SCORED = [ScoredIndex(3, 0.9), ScoredIndex(0, 0.4)]


@pytest.mark.parametrize("top_k", [None, 1, 2, 4, 5, 9])
def test_it_is_the_list_of_all_entries(top_k: int | None) -> None:
    expected = [*SCORED, *unscored([1, 2, 4])][:top_k]
    rest = RestUnscored(SCORED, 5, top_k)

    assert list(rest) == expected
    assert [rest[at] for at in range(len(rest))] == expected
    assert rest[1:3] == expected[1:3]
    assert rest[-1] == expected[-1]
    assert rest.left_count == len(expected) - len(rest.scored)
    with pytest.raises(IndexError):
        rest[len(expected)]


def test_a_checked_answer_stays_one_whose_rest_is_made_later() -> None:
    options = DoRerankOptions("q", ("a",) * 5, top_k=3)
    answer = checked(DoRerankResult(RestUnscored(SCORED[::-1], 5)), model=LexicalReranker(), options=options)

    assert isinstance(answer.results, RestUnscored)
    assert list(answer.results) == [*SCORED, *unscored([1])]
    assert (answer.results.scored_count, list(answer.warnings)) == (2, [])


def test_other_entries_take_the_place_of_those_that_were_scored() -> None:
    above = [ScoredIndex(item.index, item.score / 2) for item in SCORED]
    expected = [*above, *unscored([1, 2, 4])]
    later = with_scored(RestUnscored(SCORED, 5, scored_count=2), above)

    assert isinstance(later, RestUnscored)
    assert list(later) == with_scored([*SCORED, *unscored([1, 2, 4])], above) == expected
    assert later.scored_count == 2
