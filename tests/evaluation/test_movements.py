from __future__ import annotations

from dataclasses import replace

from localrank.evaluation import evaluate_sync
from localrank.evaluation.movements import movements
from localrank.testing import MockReranker
from tests.support.small_collection import DOCUMENTS, RUN, small_collection


def better_on_q1_worse_on_q2() -> MockReranker:
    return MockReranker(
        [[0, 1, 0], [3, 2, 1, 4], [2, 1], [3, 2, 1], [3, 2, 1]],
    )


def test_gains_and_losses_are_shown_with_what_stood_first() -> None:
    found = evaluate_sync(better_on_q1_worse_on_q2(), small_collection(), first_stage=RUN)
    moved = movements(found, found.first_stage, found.models[0], documents=DOCUMENTS)

    assert [one.query for one in moved.gained] == ["q1"]
    assert [one.query for one in moved.lost] == ["q2"]
    gain = moved.gained[0]
    assert gain.text == "reset the router"
    assert gain.best_before is not None
    assert gain.best_after is not None
    assert (gain.best_before.document, gain.best_before.grade, gain.best_before.first_relevant) == (
        "d2",
        1,
        1,
    )
    assert (gain.best_after.document, gain.best_after.grade) == ("d1", 2)
    assert gain.best_after.text == DOCUMENTS["d1"]


def test_an_unjudged_best_document_and_the_rank_of_the_first_relevant_one_are_said() -> None:
    found = evaluate_sync(better_on_q1_worse_on_q2(), small_collection(), first_stage=RUN)
    lost = movements(found, found.first_stage, found.models[0]).lost[0].best_after

    assert lost is not None
    assert (lost.document, lost.grade, lost.first_relevant, lost.text) == ("d2", None, 2, "")


def test_the_greatest_change_comes_first_and_no_more_than_five_are_shown() -> None:
    found = evaluate_sync("lexical:default", small_collection(), first_stage=RUN, measures=["RR@10"])
    before = {"q1": 0.5, "q2": 0.5, "q3": 0.5, "q4": 0.5, "q5": 0.5, "only before": 1.0}
    before |= {f"q{number}": 0.5 for number in range(6, 10)}
    after = {"q1": 0.6, "q2": 1.0, "q3": 0.1, "q4": 0.4, "q5": 0.7, "only after": 1.0}
    after |= {f"q{number}": 0.5 + number / 100 for number in range(6, 10)}
    moved = movements(
        found,
        replace(found.first_stage, values={"RR@10": before}),
        replace(found.models[0], values={"RR@10": after}),
    )

    assert [one.query for one in moved.gained] == ["q2", "q5", "q1", "q9", "q8"]
    assert [one.query for one in moved.lost] == ["q3", "q4"]
    assert (moved.measure, moved.first, moved.second) == ("RR@10", "run", "lexical:default")
