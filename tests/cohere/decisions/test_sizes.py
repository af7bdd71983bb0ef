"""Requests stay within what a service takes, by an estimate that is known to be high for prose."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localrank_cohere.decisions.forms import FormName, form_named
from localrank_cohere.decisions.requests import as_json, state_of
from localrank_cohere.decisions.sizes import Room, estimated_tokens, longest_prefix
from localrank_cohere.dialects.decisions import decision_service_named

texts = st.lists(st.text(min_size=1, max_size=400), min_size=1, max_size=30)


def room(service: str = "typesafe", form: FormName = "yes_no", most: int | None = 600, **limits: int) -> Room:
    return Room.of(
        decision_service_named(service),
        form_named(form),
        "a query",
        None,
        max_documents=limits.get("documents"),
        max_tokens=most,
    )


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abc", 1), ("abcd", 2), ("日本", 2), ("é b", 2)]
)
def test_a_token_is_three_plain_characters_or_one_other(text: str, tokens: int) -> None:
    assert estimated_tokens(text) == tokens


@settings(max_examples=60, deadline=None)
@given(texts)
def test_borders_divide_the_list_and_no_part_is_too_large(documents: list[str]) -> None:
    there = room(documents=7)
    documents = [there.cut(text) for text in documents]
    borders = there.borders(documents)

    assert borders[0] == 0
    assert borders[-1] == len(documents)
    for start, end in pairwise(borders):
        assert 1 <= end - start <= 7
        assert sum(map(estimated_tokens, documents[start:end])) <= there.tokens


def test_parts_are_even_where_even_ones_fit() -> None:
    assert room(documents=7).borders(["a"] * 8) == [0, 4, 8]


def test_parts_are_uneven_where_one_document_fills_a_request() -> None:
    there = room()

    assert there.borders(["a", there.cut("word " * 500), "a", "a"]) == [0, 1, 2, 4]


def test_a_list_of_many_short_documents_is_bounded_by_its_questions() -> None:
    there = room(most=None)
    documents = ["a"] * 10_000
    longest = max(end - start for start, end in pairwise(there.borders(documents)))

    assert longest * there.question <= 64_000
    assert longest * 13 < there.tokens  # so it was not the state that divided the list


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.integers(0, 60), st.integers(0, 200))
def test_a_cut_text_is_the_longest_beginning_that_fits(text: str, tokens: int, size: int) -> None:
    head = longest_prefix(text, tokens, size)
    longer = text[: len(head) + 1]

    assert text.startswith(head)
    assert head == "" or estimated_tokens(head) <= tokens
    assert head == text or estimated_tokens(longer) > tokens or len(as_json(longer)) + 12 > size


@settings(max_examples=40, deadline=None)
@given(texts)
def test_a_choice_holds_every_document_in_one_request(documents: list[str]) -> None:
    there = room(form="choice", most=1_000)
    cut = there.cut_together(documents)

    assert all(whole.startswith(text) for whole, text in zip(documents, cut, strict=True))
    assert sum(map(estimated_tokens, cut)) <= there.tokens


def test_a_state_for_openai_has_at_most_256_kib() -> None:
    there = room("openai", most=None)
    documents = [there.cut('"é\\' * 200_000)] + ["word " * 3_000] * 100
    borders = there.borders(documents)

    assert len(borders) > 3
    for start, end in pairwise(borders):
        assert len(as_json(state_of("a query", documents[start:end]))) <= 256 * 1024


@pytest.mark.parametrize("form", ["yes_no", "rubric", "choice"])
def test_room_is_what_query_and_questions_leave(form: FormName) -> None:
    there = room(form=form, most=2_000)
    asked = as_json(form_named(form).named_questions(1, None)).decode()
    question = estimated_tokens(asked) + 12
    empty = 300 + estimated_tokens("a query")
    is_choice = form == "choice"

    assert there.tokens == 2_000 - empty - question
    assert there.question == (12 if is_choice else question)
    assert there.with_questions == 64_000 - empty - (question if is_choice else 0)


def test_documents_of_a_choice_that_just_fit_are_not_cut() -> None:
    there = room(form="choice", most=1_000)
    room_for_texts = there.tokens - 3 * 12
    documents = ["abc" * 20, "abc" * 30, "abc" * (room_for_texts - 50)]

    assert there.cut_together(documents) == documents
    longer = there.cut_together([*documents[:2], documents[2] + "abc"])
    assert longer == documents


def test_no_room_is_no_document_of_a_choice() -> None:
    assert room(form="choice", most=100).cut_together(["abc", "abc"]) == ["", ""]


def test_no_room_is_no_document() -> None:
    assert room(most=100).cut("a document") == ""
