"""Answers of decision models: read by name or by order, and refused where they are no answers to what was asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localrank import InvalidResponseError
from localrank_cohere.decisions.answers import read_answers
from localrank_cohere.decisions.forms import FormName, form_named
from localrank_cohere.dialects.decisions import decision_service_named
from localrank_cohere.wire.answers import Reading

NOUL = {"type": "noul", "noul": 0.5}
PREDICATE = {"type": "predicate", "probability": 0.5}
LABELS = ("not", "barely", "partly", "fully")


def reading(service: str, answers: Any, form: FormName = "yes_no", *, count: int = 2, **more: Any) -> Reading:
    text = json.dumps({"model": "m", "answers": answers, "usage": {"input_tokens": 7}, **more})
    return read_answers(form_named(form), decision_service_named(service), text, count=count, source="s")


def scores(answer: Reading) -> list[float]:
    return [item.score for item in sorted(answer.results, key=lambda item: item.index)]


def test_answers_by_name_may_come_in_any_order() -> None:
    answers = {"d1": {**NOUL, "noul": 0.25}, "later": {"type": "box"}, "d0": NOUL}

    assert scores(reading("typesafe", answers)) == [0.5, 0.25]


def test_what_is_no_answer_is_kept_beside_them() -> None:
    answer = reading("typesafe", {"d0": NOUL}, count=1, id="a-1", object="decision", provider="p")

    assert answer.rest == {"usage": {"input_tokens": 7}, "provider": "p"}
    assert (answer.id, answer.model_id, answer.usage.input_tokens) == ("a-1", "m", 7)


def test_answers_by_order_need_no_names() -> None:
    answers = [PREDICATE, {**PREDICATE, "name": None, "probability": 0.25}]

    assert scores(reading("openai", answers)) == [0.5, 0.25]


@pytest.mark.parametrize(
    ("service", "answers", "said"),
    [
        ("typesafe", {"d0": NOUL}, "no answer to the question 'd1'"),
        ("typesafe", [NOUL, NOUL], "'answers' of type list instead of an object"),
        ("typesafe", {"d0": NOUL, "d1": {"noul": 0.5}}, "answer to 'd1' of type None where 'noul'"),
        ("typesafe", {"d0": NOUL, "d1": 0.5}, "answer to 'd1' of type None"),
        (
            "typesafe",
            {"d0": NOUL, "d1": {**NOUL, "type": ["noul"]}},
            r"answer to 'd1' of type \['noul'\] where",
        ),
        ("typesafe", {"d0": NOUL, "d1": {**NOUL, "type": {}}}, "answer to 'd1' of type {} where"),
        (
            "typesafe",
            {"d0": NOUL, "d1": {**NOUL, "noul": 1.5}},
            "holds 1.5 for 'd1', which is no probability",
        ),
        ("typesafe", {"d0": NOUL, "d1": {**NOUL, "noul": "0.5"}}, "'0.5'.*no probability"),
        ("typesafe", {"d0": NOUL, "d1": {**NOUL, "noul": True}}, "True.*no probability"),
        ("typesafe", {"d0": NOUL, "d1": {**NOUL, "noul": None}}, "NoneType.*no probability"),
        ("typesafe", {"d0": NOUL, "d1": {**NOUL, "noul": 10**400}}, "no probability"),
        ("openai", {"d0": PREDICATE}, "'answers' of type dict instead of a list"),
        ("openai", [PREDICATE], "1 answers to 2 questions"),
        ("openai", [PREDICATE] * 3, "3 answers to 2 questions"),
        ("openai", [{**PREDICATE, "name": "d1"}, PREDICATE], "answer to 'd1' where that to 'd0' belongs"),
        ("openai", [NOUL, NOUL], "of type 'noul' where 'predicate'"),
    ],
)
def test_what_is_no_answer_is_refused(service: str, answers: Any, said: str) -> None:
    with pytest.raises(InvalidResponseError, match=said):
        reading(service, answers)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "is empty"),
        ("<html><title>Bad gateway</title>", "no JSON: 'Bad gateway'"),
        ("[]", "The answer of s holds no 'answers'"),
        ('{"error": {"message": "no such model"}}', "It says: 'no such model'"),
    ],
)
def test_what_holds_no_answers_says_what_the_server_said(body: str, said: str) -> None:
    with pytest.raises(InvalidResponseError, match=said):
        read_answers(form_named("yes_no"), decision_service_named("typesafe"), body, count=1, source="s")


def test_a_probability_a_rounding_away_from_one_is_one() -> None:
    assert scores(reading("typesafe", {"d0": {**NOUL, "noul": 1.0000001}}, count=1)) == [1.0]


def test_levels_are_weighted_by_their_place_whatever_their_values() -> None:
    rows = [
        {"label": label, "value": value, "probability": weight}
        for label, value, weight in zip(LABELS, (10, 20, 30, 40), (0.1, 0.2, 0.3, 0.4), strict=True)
    ]
    listed = {"type": "score", "score": 31.0, "confidence": 0.4, "probabilities": rows[::-1]}
    keyed = {"type": "score", "score": 2.0, "probabilities": {"0": 0.1, "1": 0.2, "2": 0.3, "3": 0.4}}

    assert scores(reading("openai", [listed], "rubric", count=1)) == [pytest.approx(2 / 3)]
    assert scores(reading("typesafe", {"d0": keyed}, "rubric", count=1)) == [pytest.approx(2 / 3)]


def test_a_score_without_probabilities_is_a_share_of_the_highest_level() -> None:
    assert scores(reading("openrouter", {"d0": {"type": "score", "score": 1.5}}, "rubric", count=1)) == [0.5]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"score": 3.5}, "no probability"),
        ({"score": None}, "no score for 'd0'"),
        ({"score": 1.0, "probabilities": {"0": 0.5, "1": 0.5}}, "no probability"),
        ({"score": 1.0, "probabilities": {"0": 0, "1": 0, "2": 0, "3": 0}}, "no probability above 0"),
        ({"score": 1.0, "probabilities": [{"label": "other", "probability": 1}]}, "other levels"),
    ],
)
def test_a_rubric_of_other_levels_is_refused(answer: Any, said: str) -> None:
    with pytest.raises(InvalidResponseError, match=said):
        reading("typesafe", {"d0": {"type": "score", **answer}}, "rubric", count=1)


def test_a_choice_gives_each_document_its_share_and_says_that_of_none() -> None:
    shares = {"d0": 0.5, "d1": 0.2, "none": 0.3}
    rows = [{"value": value, "probability": share} for value, share in shares.items()]
    keyed = reading("typesafe", {"best": {"type": "choice", "probabilities": shares}}, "choice")
    listed = reading("openai", [{"type": "choice", "probabilities": rows}], "choice")

    assert scores(keyed) == scores(listed) == [0.5, 0.2]
    assert keyed.rest["none"] == listed.rest["none"] == 0.3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"type": "choice", "choice": "d0"}, "a choice without probabilities"),
        ({"type": "choice", "probabilities": {"d0": 1.0}}, "for 'd1', which is no probability"),
    ],
)
def test_a_choice_without_a_share_for_every_document_is_refused(answer: Any, said: str) -> None:
    with pytest.raises(InvalidResponseError, match=said):
        reading("typesafe", {"best": answer}, "choice")


@pytest.mark.parametrize(
    "usage", [None, [], {"input_tokens": "7"}, {"input_tokens": -1}, {"input_tokens": 1e300}]
)
def test_counts_that_are_none_are_unknown(usage: Any) -> None:
    answer = reading("typesafe", {"d0": NOUL}, count=1, usage=usage)

    assert (answer.usage.input_tokens, answer.usage.api_calls) == (None, 1)


def test_no_tokens_are_a_count() -> None:
    assert reading("typesafe", {"d0": NOUL}, count=1, usage={"input_tokens": 0}).usage.input_tokens == 0
