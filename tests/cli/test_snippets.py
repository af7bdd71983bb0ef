from __future__ import annotations

from localrank.cli.snippets import best_part, printable, query_stems, word_spans


def test_common_words_say_nothing() -> None:
    assert query_stems("How does the router work?") == {"rout", "work"}


def test_a_query_of_common_words_counts_them() -> None:
    assert query_stems("who is it?") == {"who", "is", "it"}


def test_other_forms_of_a_word_are_found() -> None:
    text = "It worked; she works, working."
    assert [text[a:b] for a, b in word_spans(text, query_stems("work"))] == ["worked", "works", "working"]


def test_a_short_text_is_shown_whole() -> None:
    assert best_part("short", frozenset({"x"}), 10) == "short"


def test_the_part_with_the_query_words_is_shown() -> None:
    text = "Nothing to see. " * 20 + "The reset button is on the back. " + "Nothing to see. " * 20
    part = best_part(text, query_stems("where is the reset button"), 60)

    assert "The reset button is on the back." in part
    assert part.startswith("…")
    assert part.endswith("…")
    assert len(part) <= 60


def test_without_query_words_the_beginning_is_shown() -> None:
    assert best_part("alpha beta gamma delta epsilon", frozenset({"zzz"}), 20).startswith("alpha beta")


def test_a_long_word_is_cut() -> None:
    assert len(best_part("x" * 500, frozenset(), 40)) <= 40


def test_what_could_steer_a_terminal_is_removed() -> None:
    assert printable("a\x1b[31mred\x07\n\tb\u202e") == "a[31mred b"
