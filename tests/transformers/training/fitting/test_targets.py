"""What a list's logits are trained towards."""

from __future__ import annotations

import random

import pytest

from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.fitting.targets import draw, pair_label, target
from localrank_transformers.training.request import TrainSettings

BOTH = TrainingList("q", ("a", "b"), (1.0, 0.0), (0.0, 0.0))


def test_labels_and_scores_are_mixed_by_their_shares() -> None:
    assert target(BOTH, TrainSettings(hard=0.6)) == pytest.approx([0.8, 0.2])


def test_listwise_ce_reads_labels_alone_and_distill_scores_alone() -> None:
    assert target(BOTH, TrainSettings(loss="listwise-ce")) == [1.0, 0.0]
    assert target(BOTH, TrainSettings(loss="distill")) == [0.5, 0.5]


def test_scores_are_softened_by_the_temperature() -> None:
    scored = TrainingList("q", ("a", "b"), None, (2.0, 0.0))
    assert target(scored, TrainSettings(temperature=2.0)) == pytest.approx(
        [0.7310585786300049, 0.2689414213699951]
    )


def test_a_list_without_a_positive_and_scores_teaches_no_order() -> None:
    assert target(TrainingList("q", ("a", "b"), (0.0, 0.0)), TrainSettings()) == []


def test_a_drawn_list_always_holds_a_positive() -> None:
    one = TrainingList("q", tuple("abcdefgh"), (0.0,) * 7 + (1.0,), tuple(map(float, range(8))))
    drawn = [draw(one, 3, random.Random(seed)) for seed in range(20)]
    assert {len(each.documents) for each in drawn} == {3}
    assert all(each.positives == ("h",) for each in drawn)
    assert len({each.documents for each in drawn}) > 5
    assert all(
        each.scores == tuple(float("abcdefgh".index(text)) for text in each.documents) for each in drawn
    )


def test_a_grade_is_its_share_of_the_largest() -> None:
    assert pair_label(1.0, 4.0) == 0.25
