"""`assert_ranks`: a team's own test of a reranker."""

from __future__ import annotations

import pytest

from localrank import InvalidRequestError
from localrank.testing import LexicalReranker, MockReranker, assert_ranks


@pytest.mark.parametrize("better", ["Paris is the capital", ["Paris is the capital", "the capital is Paris"]])
@pytest.mark.parametrize("worse", ["pasta", ["pasta", "pesto", "Paris"]])
def test_a_reranker_that_ranks_so_passes(better: str | list[str], worse: str | list[str]) -> None:
    assert len(assert_ranks(LexicalReranker(), "capital Paris", better, worse)) >= 2


def test_a_name_will_do() -> None:
    assert_ranks("lexical:default", "capital", "the capital", "pasta")


def test_a_text_that_stands_too_low_fails_with_the_whole_ranking() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_ranks(MockReranker([[0.5, 0.1, 0.9, 0.2]]), "the query", ["good", "low"], ["bad", "worst"])

    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "mock does not rank as expected for 'the query': 1 of the better texts stands below, or level with, a worse one."
    )
    assert [line.split() for line in lines[1:]] == [
        ["1", "0.9000", "better", "good"],
        ["2", "0.5000", "worse", "bad"],
        ["3", "0.2000", "better", "←", "too", "low", "low"],
        ["4", "0.1000", "worse", "worst"],
    ]


def test_equal_scores_are_not_better() -> None:
    with pytest.raises(AssertionError, match="level with"):
        assert_ranks(MockReranker(), "q", "good", "bad")


def test_the_message_holds_no_whole_document() -> None:
    long = "a long document " * 100

    with pytest.raises(AssertionError) as caught:
        assert_ranks(MockReranker(), "q", long, "bad")

    assert long not in str(caught.value)


@pytest.mark.parametrize(("better", "worse", "name"), [([], "a", "better"), ("a", [], "worse")])
def test_an_empty_side_is_refused(better: str, worse: str, name: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"{name} is empty"):
        assert_ranks(MockReranker(), "q", better, worse)


def test_the_instruction_reaches_the_model() -> None:
    model = MockReranker([[0.1, 0.9]])

    assert_ranks(model, "q", "good", "bad", instruction="be strict")

    assert model.calls[0].instruction == "be strict"
