"""Queries made from texts."""

from __future__ import annotations

import random

from benchmarks.embedded.lists.queries import Keywords, cut_sentence, keyword_form, misspelt, question_inside

TEXT = (
    "Bees dance to tell each other where flowers are. The angle of the dance is the angle to the sun. "
    "Why do they dance in the dark of the hive?"
)


def test_a_cut_sentence_is_gone_from_the_rest() -> None:
    cut = cut_sentence(TEXT, random.Random(1))
    assert cut is not None
    sentence, rest = cut
    assert sentence in TEXT
    assert sentence not in rest
    assert len(rest) < len(TEXT)


def test_of_two_sentences_none_is_cut() -> None:
    assert cut_sentence("One is here. Two is there.", random.Random(1)) is None


def test_the_question_that_a_text_asks_is_found() -> None:
    assert question_inside(TEXT) == "Why do they dance in the dark of the hive?"


def test_keywords_are_the_rare_words_in_the_order_of_the_text() -> None:
    common = ["bees flowers hive"] * 30
    text = "dance angle sun dark tell bees flowers hive"
    words = Keywords([*common, TEXT])(text, random.Random(3))
    assert words is not None
    assert words.split() == sorted(words.split(), key=text.index)
    assert 2 <= len(words.split()) <= 5


def test_a_question_is_reduced_to_what_one_types() -> None:
    assert keyword_form("What is the capital of Poland?") == "capital poland"


def test_what_is_no_question_stays() -> None:
    assert keyword_form("Capital of Poland") is None


def test_a_misspelt_query_differs_in_one_word() -> None:
    query = "where do honeybees dance"
    changed = misspelt(query, random.Random(2))
    assert sum(one != other for one, other in zip(query.split(), changed.split(), strict=True)) == 1
