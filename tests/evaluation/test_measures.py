from __future__ import annotations

import sys
from typing import Any

import pytest

from localrank import InvalidRequestError, MissingDependencyError
from localrank.evaluation.measures import check_measures, measured

JUDGED = {"1": {"a": 3, "b": 1}, "2": {"a": 1}}


def test_grades_count_in_ndcg_and_a_query_without_a_ranking_counts_as_nothing_found() -> None:
    found = measured(["nDCG@10", "RR@10", "R@1"], JUDGED, {"1": [("b", 2.0), ("a", 1.0)]})

    assert found.values["nDCG@10"]["1"] == pytest.approx((1 + 3 / 1.5849625) / (3 + 1 / 1.5849625))
    assert found.values["RR@10"] == {"1": 1.0, "2": 0.0}
    assert found.means["R@1"] == 0.25


def test_the_order_counts_where_scores_are_equal_or_rise() -> None:
    for scores in ((1.0, 1.0), (1.0, 2.0)):
        ranking = list(zip("ba", scores, strict=True))
        assert measured(["RR@10"], {"1": {"a": 1}}, {"1": ranking}).values["RR@10"] == {"1": 0.5}


def test_measures_are_named_as_ir_measures_names_them() -> None:
    assert check_measures(["nDCG@10", "AP(rel=2)@20"]) == ("nDCG@10", "AP(rel=2)@20")


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["nDGC@10"], "'nDGC@10' is no measure"),
        (["nDCG@"], "'nDCG@' is no measure"),
        (["AP", "AP"], "'AP' is asked for twice"),
        ([], "measures is"),
        ("AP", "measures is 'AP'"),
    ],
)
def test_wrong_measures_are_refused(names: Any, complaint: str) -> None:
    with pytest.raises(InvalidRequestError, match=complaint):
        check_measures(names)


def test_without_ir_measures_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_measures", None)

    with pytest.raises(MissingDependencyError, match=r'pip install "localrank\[eval\]"'):
        check_measures(["AP"])
