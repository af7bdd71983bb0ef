from __future__ import annotations

from typing import Any

import pytest

from localrank import InvalidRequestError
from localrank.evaluation import Collection, sampled
from tests.support.small_collection import small_collection


def test_one_seed_draws_the_same_queries_in_the_order_of_the_data() -> None:
    drawn = [list(sampled(small_collection(), 3, seed=seed).queries) for seed in (1, 1, 2, 3)]

    assert drawn[0] == drawn[1] == sorted(drawn[0])
    assert len({tuple(queries) for queries in drawn}) > 1


def test_judgements_follow_the_queries() -> None:
    drawn = sampled(small_collection(), 2)

    assert list(drawn.judgements) == list(drawn.queries)


def test_queries_without_judgements_and_judgements_without_queries_are_left_out() -> None:
    mixed = Collection("mixed", {"a": "?", "b": "?"}, {"d": "x"}, {"b": {"d": 1}, "c": {"d": 1}})
    kept = sampled(mixed, None)

    assert (dict(kept.queries), dict(kept.judgements)) == ({"b": "?"}, {"b": {"d": 1}})


def test_queries_and_judgements_without_a_common_id_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="1 queries and judgements of 1 have no id in common"):
        Collection("small", {"1": "?"}, {"d": "x"}, {"01": {"d": 1}})


@pytest.mark.parametrize("count", [0, True, 1.5])
def test_a_wrong_number_of_queries_is_refused(count: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"count is (True|1\.5)|number of queries"):
        sampled(small_collection(), count)
