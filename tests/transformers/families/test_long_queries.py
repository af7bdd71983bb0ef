"""Queries of megabytes: what is kept of them is what the whole text begins with, and little more is tokenized."""

from __future__ import annotations

import pytest

from localrank_transformers import OnnxReranker
from localrank_transformers.families.late.tokens import LateTokenizer
from localrank_transformers.families.tokenization import SPARE_TOKENS, bounded, text_ids

TEXTS = {
    "words": "where is the ferry? " * 3_000,
    "one word": "x" * 60_000,
    "signs": "?!," * 20_000,
    "Chinese": "渡船在哪里" * 10_000,
    "accents": "é" * 50_000,
    "emoji": "⛴️" * 20_000,
    "words after blanks": " " * 50_000 + "where is the ferry? " * 100,
    "a word and blanks": "ferry" + " " * 50_000,
}


@pytest.fixture(scope="module")
def tokenizer() -> LateTokenizer:
    found = OnnxReranker("localrank-tiny")._once.get()[0].family.tokenizer
    assert isinstance(found, LateTokenizer)
    return found


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_long_query_is_read_as_the_whole_text_begins(tokenizer: LateTokenizer, text: str) -> None:
    whole = text_ids(tokenizer._tokenizer, tokenizer._query_lead + text)
    around = len(tokenizer._before) + len(tokenizer._query_marker) + len(tokenizer._after)
    room = tokenizer._query_length - around
    query = tokenizer.query(text)
    begins = len(tokenizer._before) + len(tokenizer._query_marker)

    assert query.ids.tolist()[begins : begins + min(room, len(whole))] == whole[:room]
    assert query.truncated == (len(whole) > room)


def test_what_is_tokenized_as_a_whole_is_bounded_by_its_room() -> None:
    assert bounded("short", 10) == "short"
    assert len(bounded("x" * 10_000_000, 100)) == 512 * (100 + SPARE_TOKENS)
