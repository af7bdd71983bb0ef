"""Texts: what is blank, and what a message shows of them."""

from __future__ import annotations

import pytest

from localrank.contract.texts import first_line, is_blank, shortened


def test_a_text_is_shortened_to_sixty_characters() -> None:
    assert shortened("x" * 60) == "x" * 60
    assert shortened("x" * 61) == "x" * 59 + "…"


@pytest.mark.parametrize(("text", "shown"), [("", ""), ("abcd", "abcd"), ("abcde", "abc…")])
def test_a_long_text_is_shortened_to_the_limit(text: str, shown: str) -> None:
    assert shortened(text, 4) == shown


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", " \u200b\ufeff ", "\u00ad", "\u2060\u200d"])
def test_nothing_but_what_nobody_sees_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", "\u200ba", "\u00e9", "\u200d\U0001f600"])
def test_what_is_seen_is_not_blank(text: str) -> None:
    assert not is_blank(text)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("\n one\ntwo"), "one"),
        (ValueError("x" * 300), "x" * 200),
        (AssertionError(), "AssertionError"),
        (AssertionError(" \n"), "AssertionError"),
    ],
)
def test_of_a_foreign_error_the_first_line_is_told(error: Exception, said: str) -> None:
    assert first_line(error) == said
