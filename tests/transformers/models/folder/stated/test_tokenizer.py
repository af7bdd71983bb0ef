"""A tokenizer reads a text alike however its letters and their marks are written down."""

from __future__ import annotations

import unicodedata

import pytest
from tokenizers import Tokenizer

from localrank_transformers.models.folder.stated.pairs import PairSettings
from localrank_transformers.models.folder.stated.tokenizer import read_tokenizer
from tests.support.separate_package import PACKAGE

TEXTS = {
    "ko": "프랑스의 수도는 어디인가요?",
    "ja": "パリはフランスの首都です。ガイドブック",
    "vi": "Thủ đô của Pháp là gì?",
    "fr": "Café Zoë, naïve",
}


@pytest.fixture(scope="module")
def content() -> bytes:
    """Return a tokenizer that normalizes as SentencePiece does."""
    return (PACKAGE / "localrank_multilingual/tokenizer.json").read_bytes()


@pytest.mark.parametrize("small_first", [False, True])
def test_letters_with_their_marks_behind_them_are_read_as_those_with_marks_in_them(
    content: bytes, small_first: bool
) -> None:
    tokenizer, _ = read_tokenizer(content, PairSettings(lowercase_first=small_first))
    for text in TEXTS.values():
        apart = unicodedata.normalize("NFD", text)
        whole = unicodedata.normalize("NFC", text)
        assert apart != whole
        assert tokenizer.encode(apart).ids == tokenizer.encode(whole).ids


def test_texts_as_they_are_commonly_written_are_read_as_by_the_library_itself(content: bytes) -> None:
    tokenizer, _ = read_tokenizer(content, PairSettings())
    itself = Tokenizer.from_str(content.decode())
    for text in TEXTS.values():
        whole = unicodedata.normalize("NFC", text)
        assert tokenizer.encode(whole).ids == itself.encode(whole).ids
