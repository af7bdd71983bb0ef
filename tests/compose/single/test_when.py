"""When a model is asked and when not, and how the answer says so."""

from __future__ import annotations

import pickle

import anyio
import pytest

from localrank import (
    Cached,
    Cascade,
    Fused,
    InvalidRequestError,
    RerankAbortedError,
    RerankOutcome,
    When,
    rerank,
)
from localrank.contract.types import CALLERS_ORDER
from tests.support.small_models import Flag, Scoring, Sleeping

pytestmark = pytest.mark.anyio

DOCUMENTS = ["a", "ccc", "bb"]
SKIPPED = RerankOutcome("skipped", ("rerank_skipped",), CALLERS_ORDER)


def never(options):
    return False


async def test_a_list_that_is_long_enough_is_ranked_by_the_model():
    result = await rerank(When(Scoring(name="one"), min_documents=3), "q", DOCUMENTS)
    assert [hit.index for hit in result] == [1, 2, 0]
    assert (result.outcome, result.warnings) == (RerankOutcome("ranked", (), "small:one"), ())


async def test_a_shorter_list_stays_as_it_came_and_the_model_is_not_asked():
    model = Scoring(name="one")
    result = await rerank(When(model, min_documents=4), "q", DOCUMENTS)
    assert (model.calls, result.outcome) == ([], SKIPPED)
    assert [(hit.index, hit.metadata) for hit in result] == [(at, {"scored": False}) for at in range(3)]
    (warning,) = result.warnings
    assert warning.message.startswith(
        "small:one was not asked: there are 3 documents, fewer than min_documents=4."
    )
    assert (result.usage.input_tokens, result.usage.stages) == (0, ())


@pytest.mark.parametrize(
    ("scores", "asked"), [([0.9, 0.1, 0.2], 0), ([0.2, 0.9, 0.8], 1), ([0.9, 0.9, 0.1], 1)]
)
async def test_the_model_is_asked_where_the_retriever_is_unsure(scores, asked):
    model = Scoring()
    result = await rerank(When(model, margin=0.3), "q", DOCUMENTS, first_stage_scores=scores)
    assert len(model.calls) == asked
    assert result.outcome.kind == ("ranked" if asked else "skipped")


async def test_without_the_retrievers_scores_the_model_is_asked_and_a_warning_says_why():
    result = await rerank(When(Scoring(), margin=0.3), "q", DOCUMENTS)
    assert [(one.type, one.feature) for one in result.warnings] == [("unsupported", "first_stage_scores")]
    assert result.outcome.kind == "ranked"


async def test_one_document_has_no_margin():
    model = Scoring()
    await rerank(When(model, margin=0.3), "q", ["a"], first_stage_scores=[1.0])
    assert len(model.calls) == 1


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_function_of_the_request_decides(wanted):
    seen, model = [], Scoring()

    async def later(options):
        await anyio.lowlevel.checkpoint()
        seen.append(options.query)
        return wanted

    for rule in (later, lambda options: seen.append(options.query) or wanted):
        await rerank(When(model, rule), "q", DOCUMENTS)
    assert (seen, len(model.calls)) == (["q", "q"], 2 * wanted)


async def test_every_rule_has_to_hold():
    model = When(Scoring(), never, min_documents=2, margin=0.5)
    kinds = [
        (await rerank(model, "q", documents, first_stage_scores=scores)).warnings[0].message
        for documents, scores in [
            (["a"], [1.0]),
            (DOCUMENTS, [0.9, 0.1, 0.1]),
            (DOCUMENTS, [0.3, 0.2, 0.1]),
        ]
    ]
    assert [message.split(": ")[1].split(". ")[0].split(",")[0] for message in kinds] == [
        "there are 1 documents",
        "the first stage's best score leads by 0.8",
        "rerank_if said so",
    ]


async def test_what_a_rule_raises_fails_the_call():
    def broken(options):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await rerank(When(Scoring(), broken), "q", DOCUMENTS)


async def test_a_token_that_is_set_while_a_rule_decides_still_wins():
    flag = Flag()

    def setting(options):
        flag.set()
        return False

    with pytest.raises(RerankAbortedError):
        await rerank(When(Scoring(), setting), "q", DOCUMENTS, abort_event=flag)


async def test_a_deadline_is_the_models():
    result = await rerank(When(Sleeping(60), min_documents=1), "q", DOCUMENTS, deadline=0.1)
    assert result.outcome == RerankOutcome("degraded", ("deadline_exceeded",), CALLERS_ORDER)


async def test_top_k_keeps_the_callers_first():
    result = await rerank(When(Scoring(), never), "q", DOCUMENTS, top_k=2)
    assert [hit.index for hit in result] == [0, 1]


async def test_a_least_score_leaves_nothing_of_a_call_that_was_skipped_and_says_so():
    model = When(Scoring(score_kind="probability"), never)
    result = await rerank(model, "q", DOCUMENTS, min_score=0.1)
    assert (len(result), result.dropped, result.outcome) == (0, 3, SKIPPED)
    assert [one.type for one in result.warnings] == ["rerank_skipped", "min_score_unscored"]


async def test_a_cascade_asks_its_better_model_where_the_cheap_one_is_unsure():
    better = Scoring(lambda text: -len(text), name="better")
    model = Cascade(Scoring(name="cheap"), When(better, margin=2.0), keep=2)
    sure = await rerank(model, "q", ["a", "bbbbbb", "ccc"])
    unsure = await rerank(model, "q", ["a", "bbb", "cccc"])
    assert ([hit.index for hit in sure], sure.outcome.kind, sure.outcome.served_by) == (
        [1, 2, 0],
        "skipped",
        "small:cheap",
    )
    assert ([hit.index for hit in unsure], unsure.outcome.kind) == ([1, 2, 0], "ranked")
    assert len(better.calls) == 1


async def test_in_a_fusion_the_other_model_ranks():
    result = await rerank(Fused([When(Scoring(), never), Scoring(name="other")]), "q", DOCUMENTS)
    assert ([hit.index for hit in result], result.outcome.served_by) == ([1, 2, 0], "small:other")


def test_a_cache_goes_inside():
    with pytest.raises(InvalidRequestError, match="cannot be compared"):
        Cached(When(Scoring(), never))
    assert When(Cached(Scoring()), never).model_id == "(cached:(small:scoring))"


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({}, "no rule"),
        ({"rerank_if": 3}, "rerank_if is of type int"),
        ({"min_documents": 0}, "min_documents is 0"),
        ({"min_documents": 1.5}, "min_documents is 1.5"),
        ({"margin": 0.0}, "margin is 0.0"),
        ({"margin": float("nan")}, "margin is nan"),
    ],
)
def test_rules_that_cannot_be_are_refused(rules, says):
    with pytest.raises(InvalidRequestError, match=says):
        When(Scoring(), **rules)


def test_it_can_be_pickled():
    again = pickle.loads(pickle.dumps(When("lexical:default", never, margin=0.5)))
    assert (again.margin, again.rerank_if) == (0.5, never)


async def test_a_blank_document_does_not_turn_a_skipped_call_into_another():
    result = await rerank(When(Scoring(name="one"), min_documents=9), "q", ["a", "", "bb"])
    assert (result.outcome, [warning.type for warning in result.warnings]) == (SKIPPED, ["rerank_skipped"])
    assert [hit.index for hit in result] == [0, 1, 2]
