"""The memo gives the ids of the tokenizer itself, whatever the text, and keeps no more than it may."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel, WordPiece
from tokenizers.normalizers import BertNormalizer, Lowercase
from tokenizers.pre_tokenizers import BertPreTokenizer, Whitespace

from localrank_transformers.families import word_memo
from localrank_transformers.families.word_memo import LONGEST_WORD, WordMemo
from localrank_transformers.families.word_memo import word_memo as memo_of
from localrank_transformers.models import bundled
from tests.support import tiny_models

TEXTS = [
    "",
    " \t\n\r ",
    "Plain words, twice: plain words!",
    "unaffable re-ranking o'clock don't 3.14 a_b x\\y",
    "naïve CAFÉ — “ünïcode” résumé",
    "cafe\u0301 ,\u0301a \u0301",
    "東京は日本の首都です。 東京",
    "عاصمة فرنسا",
    "ΟΔΥΣΣΕΥΣ İstanbul ﬁne",
    "emoji 🎉🎉 x",
    "a\x00b c\x01d\x7fe \x00 odd\ufeff\u200b",
    "a\x0bb c\x0cd e\x1cf g\x1dh i\x1ej k\x1fl m\x85n",
    "no\xa0break em\u2003space line\u2028end para\u2029end ideo\u3000graph",
    "a;b≠c",
    "x [SEP] y[CLS]z [sep] [UNK][MASK]",
    "w" * LONGEST_WORD + " " + "v" * (LONGEST_WORD + 1),
    "un" * 300,
    "##ing # ing ##",
]


@cache
def embedded() -> Tokenizer:
    tokenizer = Tokenizer.from_str(bundled.read_file("localrank-mini", "tokenizer.json").decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@cache
def kept() -> WordMemo:
    return made(embedded())


def made(tokenizer: Tokenizer) -> WordMemo:
    memo = memo_of(tokenizer)
    assert memo is not None
    return memo


def own(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    return [found.ids for found in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def ids(memo: WordMemo, texts: Sequence[str]) -> list[list[int]]:
    return [found.tolist() for found in memo.ids(texts)]


@pytest.mark.parametrize("text", TEXTS)
def test_the_ids_are_the_tokenizers_own(text: str) -> None:
    memo = made(embedded())
    first, again = ids(memo, [text]), ids(memo, [text])
    assert first == again == own(embedded(), [text])


def test_texts_that_are_tokenized_as_a_whole_keep_their_place() -> None:
    assert ids(made(embedded()), TEXTS) == own(embedded(), TEXTS)


@given(st.lists(st.text(), max_size=4))
def test_any_text_has_the_tokenizers_own_ids(texts: list[str]) -> None:
    assert ids(kept(), texts) == own(embedded(), texts)


_PARTS = [
    *"abcXYZ019",
    "the",
    "river",
    "ing",
    "é",
    "\u0301",
    "Σ",
    "東",
    ";",
    "≠",
    "🎉",
    *" \t\n\r\x0b\x0c\x1c\x85\xa0\u2028\x00\x01\ufeff",
    *",.-'[]#_",
    "[SEP]",
    "[PAD",
    "##",
]


@given(st.lists(st.sampled_from(_PARTS), max_size=24).map("".join))
def test_any_neighbours_have_the_tokenizers_own_ids(text: str) -> None:
    assert ids(kept(), [text]) == own(embedded(), [text])


@pytest.mark.parametrize(
    "normalizer",
    [
        BertNormalizer(lowercase=False),
        BertNormalizer(lowercase=False, strip_accents=True),
        BertNormalizer(strip_accents=False, handle_chinese_chars=False),
    ],
    ids=["cased", "cased without accents", "small letters with accents"],
)
def test_the_settings_of_the_normalizer_are_kept(normalizer: BertNormalizer) -> None:
    tokenizer = embedded_with(normalizer=json.loads(normalizer.__getstate__()))
    assert ids(made(tokenizer), TEXTS) == own(tokenizer, TEXTS)


def test_a_word_longer_than_the_model_looks_up_is_unknown() -> None:
    vocabulary = {"[UNK]": 0, "abcdef": 1, "abc": 2}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=4))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    assert ids(made(tokenizer), ["abcdef abc"]) == own(tokenizer, ["abcdef abc"]) == [[0, 2]]


def embedded_with(**changes: Any) -> Tokenizer:
    made = json.loads(bundled.read_file("localrank-mini", "tokenizer.json")) | changes
    tokenizer = Tokenizer.from_str(json.dumps(made))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def test_an_added_token_inside_a_word_is_found() -> None:
    tokenizer = embedded_with()
    tokenizer.add_special_tokens([AddedToken("qd", normalized=False)])
    texts = ["a qd b", "aqdb", "a q d"]
    assert ids(made(tokenizer), texts) == own(tokenizer, texts)


def test_other_tokenizers_have_no_memo(tmp_path: Path) -> None:
    roberta = Tokenizer.from_file(
        str(tiny_models.build(tmp_path / "roberta", style="roberta") / "tokenizer.json")
    )
    normalized = embedded_with()
    normalized.add_tokens([AddedToken("Town", normalized=True)])
    controls = embedded_with()
    controls.normalizer = BertNormalizer(clean_text=False)
    letters = embedded_with()
    letters.normalizer = Lowercase()
    splits = embedded_with()
    splits.pre_tokenizer = Whitespace()
    whole = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    whole.normalizer, whole.pre_tokenizer = BertNormalizer(), BertPreTokenizer()
    for tokenizer in (roberta, normalized, controls, letters, splits, whole):
        assert memo_of(tokenizer) is None


def test_no_more_words_are_kept_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_memo, "MOST_WORDS", 10)
    memo = made(embedded())
    for number in range(50):
        text = " ".join(f"word{number + offset}" for offset in range(4))
        assert ids(memo, [text]) == own(embedded(), [text])
        assert memo.size <= 10


def test_one_request_may_have_more_words_than_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_memo, "MOST_WORDS", 10)
    text = " ".join(f"word{number}" for number in range(40))
    assert ids(made(embedded()), [text, text]) == own(embedded(), [text, text])


def test_many_threads_may_ask_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_memo, "MOST_WORDS", 40)
    memo = made(embedded())
    texts = [" ".join(f"w{number * step % 97}" for number in range(20)) for step in range(1, 60)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: ids(memo, [text])[0], texts * 5))
    assert found == own(embedded(), texts) * 5
