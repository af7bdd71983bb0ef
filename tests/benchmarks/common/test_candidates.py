"""How good rankings of candidates are."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("ir_measures")

from benchmarks.common.candidates import ndcg


def test_rankings_are_measured_in_their_order_and_only_where_a_query_is_judged() -> None:
    judgements = {"second": {"a": 1, "missed": 1}, "first": {"b": 2}}
    rankings = {
        "first": [("b", 0.5), ("a", 0.5)],
        "unjudged": [("a", 1.0)],
        "second": [("b", 2.0), ("a", 1.0)],
    }
    found = ndcg(judgements, rankings)
    assert list(found) == ["first", "second"]
    assert found == pytest.approx({"first": 1.0, "second": (1 / math.log2(3)) / (1 + 1 / math.log2(3))})
