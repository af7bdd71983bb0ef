from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from localrank import InvalidRequestError
from localrank.evaluation import Evaluation, compare_evaluations, evaluate_sync
from localrank.testing import LexicalReranker, MockReranker
from tests.support.small_collection import JUDGEMENTS, RUN, small_collection


def evaluated(model: Any, **changes: Any) -> Evaluation:
    options = {"first_stage": RUN, "measures": ["nDCG@10", "P@1"], **changes}
    return evaluate_sync(model, small_collection(), **options)


def test_models_of_one_name_are_compared_with_themselves() -> None:
    before = evaluated({"ours": MockReranker(), "gone": MockReranker()})
    after = evaluated({"new": MockReranker(), "ours": LexicalReranker()})
    found = compare_evaluations(before, after, names=("a", "b"))

    assert [(one.measure, one.first, one.second) for one in found.comparisons] == [
        ("nDCG@10", "ours (a)", "ours (b)"),
        ("P@1", "ours (a)", "ours (b)"),
    ]
    assert found.comparisons[1].difference == pytest.approx(
        after["ours"].means["P@1"] - before["ours"].means["P@1"]
    )
    assert found.remarks == ()


def test_models_without_a_namesake_are_compared_with_each_other() -> None:
    found = compare_evaluations(
        evaluated({"x": MockReranker(), "y": MockReranker()}), evaluated({"z": MockReranker()})
    )

    assert [(one.first, one.second) for one in found.comparisons if one.measure == "P@1"] == [
        ("x (first)", "z (second)"),
        ("y (first)", "z (second)"),
    ]


def test_only_common_queries_count_and_it_is_said() -> None:
    found = compare_evaluations(evaluated("lexical:default", queries=3), evaluated("lexical:default"))

    assert found.queries == 3
    assert found.remarks == ("Only the 3 queries that both have are compared, of 3 and 5.",)
    assert {one.difference for one in found.comparisons} == {0.0}


def test_other_candidates_are_said() -> None:
    found = compare_evaluations(evaluated("lexical:default"), evaluated("lexical:default", candidates=1))

    assert "different candidates" in found.remarks[0]


def test_the_queries_that_moved_are_named() -> None:
    moved = compare_evaluations(evaluated({"m": MockReranker()}), evaluated({"m": LexicalReranker()})).moved[
        0
    ]

    assert moved.gained[0].after > moved.gained[0].before
    assert moved.gained[0].text in small_collection().queries.values()


def test_the_table_has_a_row_for_each_measure() -> None:
    table = compare_evaluations(evaluated({"m": MockReranker()}), evaluated({"m": LexicalReranker()})).table()

    assert [row[:2] for row in table.rows] == [
        ("m (second) − m (first)", "nDCG@10"),
        ("m (second) − m (first)", "P@1"),
    ]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"judgements": {**JUDGEMENTS, "q2": {"d3": 1}}}, "Query 'q2' is judged differently"),
        ({"queries": {**small_collection().queries, "q3": "boat"}}, "Query 'q3' has two texts"),
        ({"queries": {"x": "boat"}}, "have no query in common"),
        ({"measures": ("AP",)}, "have no measure in common: nDCG@10, P@1, and AP"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes: Any, complaint: str) -> None:
    first = evaluated("lexical:default")

    with pytest.raises(InvalidRequestError, match=complaint):
        compare_evaluations(first, replace(first, **changes))
