"""Where a long text is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank.compose.rules.chunking import chunk_spans, surely_short, word_spans


def chunks(text: str, size: int, overlap: int = 0) -> list[str]:
    spans = chunk_spans(text, word_spans(text), chunk_tokens=size, overlap=overlap)
    return [text[start:end] for start, end in spans]


def test_a_short_text_is_one_chunk_as_it_is():
    assert chunks("  one two. ", 5) == ["  one two. "]


def test_a_chunk_ends_where_a_sentence_ends():
    assert chunks("one two three. four five six. seven", 4) == ["one two three.", "four five six. seven"]


def test_a_chunk_ends_where_a_line_ends():
    assert chunks("one two three\nfour five six", 4) == ["one two three", "four five six"]


def test_without_a_border_it_is_cut_after_its_last_token():
    assert chunks("a b c d e", 2) == ["a b", "c d", "e"]


def test_a_border_in_the_first_half_is_passed_over():
    assert chunks("one. two three four five six", 4) == ["one. two three four", "five six"]


def test_scripts_without_spaces_are_cut_at_their_own_full_stops():
    assert chunks("巴黎是首都。柏林是首都。", 8) == ["巴黎是首都。", "柏林是首都。"]


def test_neighbours_share_whole_sentences_where_they_fit_into_the_overlap():
    assert chunks("a b c. d e. f g h i.", 5, 2) == ["a b c. d e.", "d e. f g h", "g h i."]


def test_without_a_border_neighbours_share_the_overlap_exactly():
    assert chunks("a b c d e f", 4, 1) == ["a b c d", "d e f"]


def test_a_very_long_word_counts_as_several():
    assert [len(chunk) for chunk in chunks("x" * 100, 2)] == [32, 32, 32, 4]


@given(
    st.text(alphabet="ab .\n。文!\u00e9", max_size=300),
    st.integers(min_value=1, max_value=20),
    st.integers(min_value=0, max_value=9),
)
def test_every_token_is_in_a_chunk_and_no_chunk_is_too_long(text, size, overlap):
    overlap = min(overlap, (size - 1) // 2)
    tokens = word_spans(text)
    spans = chunk_spans(text, tokens, chunk_tokens=size, overlap=overlap)
    for start, end in tokens:
        assert any(first <= start and end <= last for first, last in spans)
    if len(tokens) > size:
        for first, last in spans:
            assert sum(first <= start and end <= last for start, end in tokens) <= size
    assert spans == sorted(set(spans))


@given(st.text(max_size=200), st.integers(min_value=1, max_value=40))
def test_surely_short_is_never_wrong_about_words(text, size):
    assert not surely_short(text, size, words=True) or len(word_spans(text)) <= size


@pytest.mark.parametrize(("text", "short"), [("abc", True), ("abcd", False), ("é", True), ("éé", False)])
def test_surely_short_counts_bytes_for_a_models_tokens(text, short):
    assert surely_short(text, 3, words=False) is short
