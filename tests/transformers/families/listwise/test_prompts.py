"""The conversation about a window, as text: identifiers, examples, and nothing of a passage that reads as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank import InvalidRequestError
from localrank_transformers import Listwise
from localrank_transformers.families.listwise.causal import list_template
from localrank_transformers.families.listwise.chat import ChatFormat, Message
from localrank_transformers.families.listwise.listt5 import most_relevant_first
from localrank_transformers.families.listwise.prompts import LIST_TEMPLATES, conversation


@pytest.mark.parametrize("name", LIST_TEMPLATES)
@pytest.mark.parametrize(("letters", "first", "second"), [(False, "[1]", "[2]"), (True, "[A]", "[B]")])
def test_each_passage_stands_behind_its_identifier(name: str, letters: bool, first: str, second: str) -> None:
    messages = conversation(LIST_TEMPLATES[name], "what is rag", ["one", "two"], letters=letters)
    said = "\n".join(message.content for message in messages)

    assert messages[0].role == "system"
    assert messages[-1].role == "user"
    assert f"{first} one" in said
    assert f"{second} two" in said
    assert "{" not in said


def test_rankgpt_gives_each_passage_a_turn() -> None:
    messages = conversation(LIST_TEMPLATES["rankgpt"], "what", ["one", "two"], letters=False)

    assert [message.role for message in messages[1:]] == ["user", "assistant"] * 3 + ["user"]


@pytest.mark.parametrize("name", LIST_TEMPLATES)
def test_an_identifier_within_a_passage_or_the_query_is_not_one(name: str) -> None:
    messages = conversation(LIST_TEMPLATES[name], "see [7]", ["cites [8] and {query}"], letters=False)
    said = "\n".join(message.content for message in messages)

    assert "[7]" not in said
    assert "[8]" not in said
    assert "see (7)" in said
    assert "cites (8) and {query}" in said


def test_a_model_without_a_template_is_asked_as_vicuna() -> None:
    chat = ChatFormat(None, bos="<s>", eos="</s>")
    turns = [
        Message("system", "Be kind."),
        Message("user", "a"),
        Message("assistant", "b"),
        Message("user", "c"),
    ]

    assert chat.render(turns) == "<s>Be kind. USER: a ASSISTANT: b</s> USER: c ASSISTANT:"


def test_an_unknown_prompt_is_refused_and_the_default_is_the_one_any_model_reads() -> None:
    assert list_template(None) == "rankgpt"
    with pytest.raises(InvalidRequestError, match="template is 'qwen3'"):
        list_template("qwen3")


@pytest.mark.parametrize(
    ("answer", "order", "mended"),
    [
        ("5 4 3 2 1", [0, 1, 2, 3, 4], False),
        ("3 1 2 5 4", [3, 4, 1, 0, 2], False),
        ("4", [3, 0, 1, 2, 4], True),
        ("2 2 9 3", [2, 1, 0, 3, 4], True),
        ("", [0, 1, 2, 3, 4], True),
    ],
)
def test_listt5_writes_the_least_relevant_first(answer: str, order: list[int], mended: bool) -> None:
    assert most_relevant_first(answer) == (order, mended)


@given(st.text())
def test_any_answer_of_listt5_orders_the_group(answer: str) -> None:
    assert sorted(most_relevant_first(answer)[0]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "change",
    [
        {"window": 1},
        {"window": True},
        {"stride": 0},
        {"window": 5, "stride": 6},
        {"passes": 0},
        {"winners": 3},
        {"best": 0},
        {"answer": "all"},
        {"answer": "first-token", "window": 27},
    ],
)
def test_settings_without_a_meaning_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError):
        Listwise(**change)  # type: ignore[arg-type]
