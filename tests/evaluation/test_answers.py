"""Does anything here answer: best scores with and without the relevant documents, and the threshold between them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from localrank import InvalidRequestError
from localrank.evaluation import (
    BestScores,
    Ranking,
    SystemResult,
    answer_figures,
    best_scores,
    evaluate_sync,
    load_evaluation,
    save_evaluation,
)
from localrank.evaluation.report import answers_table
from localrank.testing import LexicalReranker
from tests.support.small_collection import small_collection

FAR_APART = BestScores(tuple(1 + at / 100 for at in range(40)), tuple(at / 100 for at in range(40)))
ALIKE = BestScores(tuple(at / 100 for at in range(40)), tuple(at * 27 % 40 / 100 for at in range(40)))
MIXED = BestScores((*([0.9] * 25), *([0.3] * 15)), (*([0.9] * 10), *([0.5] * 10), *([0.1] * 20)))


def found():
    return evaluate_sync(LexicalReranker(), small_collection(), first_stage="corpus")


def test_scores_that_lie_apart_are_told_apart():
    figures = answer_figures("one", FAR_APART)
    assert (figures.auroc.value, figures.false_accept_at.value, figures.queries) == (1.0, 0.0, 40)
    assert (figures.auroc.low, figures.auroc.high) == (1.0, 1.0)


def test_scores_that_are_alike_are_chance():
    figures = answer_figures("one", ALIKE)
    assert figures.auroc.value == pytest.approx(0.5)
    assert figures.auroc.low < 0.5 < figures.auroc.high
    assert figures.false_accept_at.value == pytest.approx(0.9)


def test_the_area_is_the_share_of_pairs_in_the_right_order_where_ties_count_half():
    pairs = list(product(MIXED.answerable, MIXED.unanswerable))
    by_hand = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)
    assert answer_figures("one", MIXED).auroc.value == pytest.approx(by_hand)


def test_false_accepts_are_counted_where_nine_of_ten_answerable_lists_pass():
    figures = answer_figures("one", MIXED)
    assert figures.false_accept_at.value == pytest.approx(20 / 40)


@pytest.mark.parametrize(("allowed", "threshold", "right"), [(0.1, 0.36, 0.85), (0.3, 0.28, 1.0)])
def test_the_threshold_is_the_lowest_score_that_keeps_what_is_allowed(allowed, threshold, right):
    scores = BestScores(tuple(0.3 + at / 100 for at in range(40)), tuple(at / 100 for at in range(40)))
    figures = answer_figures("one", scores, allowed=allowed)
    assert figures.threshold == pytest.approx(threshold)
    assert figures.false_accept.value == pytest.approx(allowed)
    assert (figures.true_accept.value, figures.allowed) == (right, allowed)


def test_there_is_no_threshold_where_the_best_of_all_scores_lets_too_many_through():
    scores = BestScores((0.5,) * 30, (0.5,) * 30)
    figures = answer_figures("one", scores, allowed=0.1)
    assert (figures.threshold, figures.true_accept.value, figures.false_accept.value) == (None, 0.0, 0.0)


def test_a_threshold_that_was_fitted_elsewhere_is_measured_as_it_is():
    figures = answer_figures("one", MIXED, threshold=0.5)
    assert (figures.threshold, figures.false_accept.value, figures.true_accept.value) == (0.5, 0.5, 25 / 40)


def test_a_resample_is_the_same_each_time():
    assert answer_figures("one", MIXED) == answer_figures("one", MIXED)


@pytest.mark.parametrize("allowed", [0.0, 1.0, -0.1])
def test_a_share_out_of_range_is_refused(allowed):
    with pytest.raises(InvalidRequestError, match="allowed is"):
        answer_figures("one", MIXED, allowed=allowed)


def test_a_handful_of_queries_is_refused():
    with pytest.raises(InvalidRequestError, match="3 queries"):
        answer_figures("one", BestScores((1.0,) * 3, (0.0,) * 3))


def test_a_list_without_its_relevant_documents_has_the_best_score_of_the_others():
    evaluation = found()
    rankings = {
        "q1": Ranking((("right", 0.9), ("wrong", 0.4), ("other", 0.1))),
        "q2": Ranking((("wrong", 0.8), ("right", 0.7))),
        "none relevant": Ranking((("wrong", 0.8),)),
        "all relevant": Ranking((("right", 0.8),)),
        "nothing found": Ranking(()),
    }
    judged = replace(
        evaluation,
        judgements={
            "q1": {"right": 1, "other": 0},
            "q2": {"right": 2},
            "none relevant": {"right": 1},
            "all relevant": {"right": 1},
            "nothing found": {"right": 1},
            "never ranked": {"right": 1},
        },
    )
    scores = best_scores(judged, SystemResult("one", "model", {}, {}, rankings))
    assert scores == BestScores((0.9, 0.8), (0.4, 0.8))


@pytest.mark.parametrize("scores", [{"score_kind": "ordinal"}, {"scores_comparable": False}])
def test_scores_that_depend_on_the_list_are_refused(scores):
    evaluation = found()
    with pytest.raises(InvalidRequestError, match="depend on the other documents"):
        best_scores(evaluation, replace(evaluation.models[0], **scores))


def test_documents_as_they_come_have_no_scores_to_cut():
    evaluation = found()
    with pytest.raises(InvalidRequestError, match="corpus"):
        best_scores(evaluation, evaluation.first_stage)


def test_what_scores_are_is_saved_and_read_again(tmp_path):
    save_evaluation(found(), tmp_path / "results.json", answers=[answer_figures("one", MIXED)])
    again = load_evaluation(tmp_path / "results.json")
    assert (again.first_stage.score_kind, again.models[0].scores_comparable) == ("ordinal", True)


def test_the_table_says_for_what_share_the_threshold_was_fitted():
    table = answers_table([answer_figures("one", FAR_APART, allowed=0.25)])
    assert table.rows[0][:2] == ("one", "40")
    assert "25%" in table.note
