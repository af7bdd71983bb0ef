"""The development set: kept apart, in first-stage order, measured by ir-measures."""

from __future__ import annotations

import math

import pytest

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.training.data.development import (
    as_candidates,
    first_stage_scores,
    held_out,
    measure,
    measure_each,
)
from localrank_transformers.training.data.lists import TrainingList


def pairs(count: int) -> list[TrainingList]:
    return [TrainingList(f"q{number}", (f"d{number // 2}",), (1.0,)) for number in range(count)]


def test_queries_with_a_common_positive_stay_on_one_side() -> None:
    train, dev = held_out(pairs(40), 0.25, most=100, seed=3)
    assert len(train) + len(dev) == 40
    assert len(dev) == 10
    assert not {one.documents for one in train} & {one.documents for one in dev}


def test_the_same_seed_keeps_the_same_queries_apart() -> None:
    assert held_out(pairs(40), 0.25, most=100, seed=3) == held_out(pairs(40), 0.25, most=100, seed=3)


def test_groups_larger_than_a_few_queries_are_kept_apart_whole() -> None:
    four_an_answer = [TrainingList(f"q{number}", (f"d{number // 4}",), (1.0,)) for number in range(120)]
    train, dev = held_out(four_an_answer, 0.1, most=100, seed=12)
    assert (len(train), len(dev)) == (108, 12)
    assert not {one.documents for one in train} & {one.documents for one in dev}


def test_where_no_group_fits_the_smallest_is_kept_apart() -> None:
    lists = [TrainingList(f"q{number}", ("a" if number < 20 else "b",), (1.0,)) for number in range(50)]
    train, dev = held_out(lists, 0.1, most=100, seed=1)
    assert ({one.documents for one in dev}, len(train)) == ({("a",)}, 30)


def test_one_group_alone_cannot_be_split() -> None:
    with pytest.raises(InvalidRequestError, match="too few"):
        held_out([TrainingList("q", ("a",), (1.0,))], 0.5, most=9, seed=1)


def test_candidates_are_in_first_stage_order_and_a_missed_positive_comes_last() -> None:
    found = as_candidates(
        [TrainingList("q", ("x", "missed"), (2.0, 1.0))],
        ["w", "x"],
        lambda _q, _d: [[(0, 9.0), (1, 8.0)]],
        depth=2,
    )
    assert found == [TrainingList("q", ("w", "x", "missed"), (0.0, 2.0, 1.0))]


def test_the_measure_is_that_of_the_order_of_the_scores() -> None:
    pytest.importorskip("ir_measures")
    lists = [TrainingList("q", ("a", "b", "c"), (0.0, 0.0, 1.0))]
    assert measure(lists, [[0.0, 1.0, 2.0]]) == pytest.approx(1.0)
    assert measure(lists, first_stage_scores(lists)) == pytest.approx(0.5)


def test_each_list_has_a_measure_of_its_own_also_without_a_positive() -> None:
    lists = [TrainingList("q", ("a", "b", "c"), labels) for labels in ((1, 0, 0), (0, 1, 1), (0, 0, 0))]
    second = (1 / math.log2(3) + 1 / 2) / (1 + 1 / math.log2(3))
    assert measure_each(lists, first_stage_scores(lists)) == pytest.approx([1.0, second, 0.0])


def test_equal_scores_inherit_nothing_from_the_first_stages_order() -> None:
    pytest.importorskip("ir_measures")
    lists = [TrainingList(f"q{number}", ("a", "b", "c"), (1.0, 0.0, 0.0)) for number in range(200)]
    by_chance = (1 + 1 / 1.5849625 + 0.5) / 3
    assert measure(lists, [[1.0, 1.0, 1.0]] * 200) == pytest.approx(by_chance, abs=0.06)


def test_lists_without_a_positive_are_not_called_too_few() -> None:
    with pytest.raises(InvalidRequestError, match="No document in the data is labelled as relevant"):
        held_out([TrainingList(f"q{number}", ("a",), (0.0,)) for number in range(20)], 0.5, most=9, seed=1)
