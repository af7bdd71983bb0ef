from __future__ import annotations

import re
from statistics import median

import pytest

from benchmarks.common.texts import Texts
from benchmarks.speed.workloads import LENGTHS, draw, draw_lengths

TEXTS = Texts(["which port is it"], [" ".join(f"w{n}" for n in range(size)) for size in (3, 40, 700)])


def spans(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\S+", text)]


@pytest.mark.parametrize("kind", LENGTHS)
def test_lengths_have_the_median_and_the_bounds_they_are_named_for(kind: str) -> None:
    lengths = LENGTHS[kind]
    drawn = draw_lengths(lengths, 4000, seed="x")
    assert median(drawn) == pytest.approx(lengths.median, rel=0.06)
    assert lengths.low <= min(drawn)
    assert max(drawn) <= lengths.high


def test_the_same_arguments_give_the_same_documents() -> None:
    assert draw(TEXTS, spans, "mixed", 20, 1) == draw(TEXTS, spans, "mixed", 20, 1)


def test_another_number_gives_other_documents() -> None:
    assert draw(TEXTS, spans, "mixed", 20, 1).documents != draw(TEXTS, spans, "mixed", 20, 2).documents


def test_a_document_has_the_tokens_that_were_drawn_for_it() -> None:
    drawn = draw(TEXTS, spans, "exactly 50", 6, 0)
    assert [len(spans(text)) for text in drawn.documents] == [50] * 6


def test_a_pair_counts_query_document_and_three_special_tokens() -> None:
    assert draw(TEXTS, spans, "exactly 50", 2, 0).pair_tokens == [4 + 50 + 3] * 2


def test_a_pair_is_never_longer_than_the_window() -> None:
    assert draw(TEXTS, spans, "exactly 512", 2, 0).pair_tokens == [512] * 2


def test_a_text_that_is_too_short_is_continued_by_the_next() -> None:
    assert "w2 w0" in draw(Texts(["q"], ["w0 w1 w2", "w0 w1 w2"]), spans, "exactly 5", 1, 0).documents[0]


def test_where_all_texts_together_are_too_short_the_pair_counts_what_there_is() -> None:
    assert draw(Texts(["q"], ["w0 w1 w2"]), spans, "exactly 50", 1, 0).pair_tokens == [1 + 3 + 3]
