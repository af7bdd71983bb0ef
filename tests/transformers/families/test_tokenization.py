"""Pairs are what the model's own tokenizer would make of them; only documents are cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from localrank.contract.errors import ModelLoadError
from localrank_transformers.families import tokenization
from localrank_transformers.families.tokenization import PairTokenizer
from localrank_transformers.models import bundled
from localrank_transformers.models.folder.stated.pairs import PairSettings
from tests.support import tiny_models

MULTILINGUAL = [
    "",
    "   ",
    "plain words",
    "naïve café — ünïcode",
    "東京は日本の首都です",
    "عاصمة فرنسا",
    "emoji 🎉🎉 x",
    "\x00odd\ufeff",
]


def embedded() -> Tokenizer:
    return Tokenizer.from_str(bundled.read_file("localrank-mini", "tokenizer.json").decode())


def reference(tokenizer: Tokenizer, query: str, document: str) -> tuple[list[int], list[int]]:
    pair = tokenizer.encode(query, document)
    return pair.ids, pair.type_ids


@pytest.mark.parametrize("document", MULTILINGUAL)
@pytest.mark.parametrize("query", ["what is rag", "東京", ""])
def test_a_pair_equals_the_tokenizers_own(query: str, document: str) -> None:
    expected = reference(embedded(), query, document)
    pairs = PairTokenizer(embedded(), max_length=512)
    tokens = pairs.query(query)
    row = pairs.row(tokens, pairs.documents(tokens, [document])[0])
    assert expected == (row.ids.tolist(), row.types.tolist())


def test_a_doubled_separator_without_segments_is_kept(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "roberta", style="roberta")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    pairs = PairTokenizer(tokenizer, max_length=64)
    tokens = pairs.query("what is rag")
    row = pairs.row(tokens, pairs.documents(tokens, ["the capital"])[0])
    assert reference(tokenizer, "what is rag", "the capital") == (row.ids.tolist(), row.types.tolist())


def test_truncation_and_padding_of_the_file_are_switched_off(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "bert")
    pairs = PairTokenizer(Tokenizer.from_file(str(folder / "tokenizer.json")), max_length=64)
    tokens = pairs.query("what")
    assert len(pairs.documents(tokens, ["the " * 30])[0].ids) == 30


def test_only_the_document_is_cut_to_the_window() -> None:
    pairs = PairTokenizer(embedded(), max_length=32)
    tokens = pairs.query("one two three four")
    document = pairs.documents(tokens, ["word " * 100])[0]
    row = pairs.row(tokens, document)
    assert (len(row.ids), document.truncated, tokens.truncated) == (32, True, False)
    assert row.ids[-1] == 102


def test_a_document_that_just_fits_is_not_truncated() -> None:
    pairs = PairTokenizer(embedded(), max_length=32)
    tokens = pairs.query("one two three four")
    assert not pairs.documents(tokens, ["word " * tokens.room])[0].truncated
    assert pairs.documents(tokens, ["word " * (tokens.room + 1)])[0].truncated


def test_a_long_query_is_cut_to_three_quarters_of_the_window() -> None:
    pairs = PairTokenizer(embedded(), max_length=40)
    tokens = pairs.query("word " * 100)
    assert (tokens.truncated, len(tokens.head), tokens.room) == (True, 1 + 30 + 1, 40 - 32 - 1)


@pytest.mark.parametrize(
    "text",
    [
        "word " * 30_000,
        "東京は日本の首都です。" * 4_000,
        "x" * 60_000 + " tail " * 9_000,
        "\u200b" * 50_000 + "real words " * 900,
    ],
    ids=["words", "cjk", "one-long-word", "characters-that-vanish"],
)
def test_a_text_cut_early_yields_the_ids_of_the_full_text(text: str) -> None:
    pairs = PairTokenizer(embedded(), max_length=512)
    tokens = pairs.query("what is rag")
    document = pairs.documents(tokens, [text])[0]
    full = embedded().encode(text, add_special_tokens=False).ids
    assert full[: tokens.room] == document.ids.tolist()
    assert (len(full) > tokens.room) == document.truncated


def test_a_template_with_the_document_first_is_refused() -> None:
    tokenizer = embedded()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $B [SEP] $A [SEP]",
        special_tokens=[("[CLS]", 101), ("[SEP]", 102)],
    )
    with pytest.raises(ModelLoadError, match="query before the document"):
        PairTokenizer(tokenizer, max_length=64)


def test_token_spans_are_character_offsets() -> None:
    pairs = PairTokenizer(embedded(), max_length=64)
    text = "Paris is big"
    assert [text[start:end] for start, end in pairs.token_spans(text)] == ["Paris", "is", "big"]


def test_a_surrogate_that_stands_alone_is_read_as_the_replacement_character() -> None:
    pairs = PairTokenizer(embedded(), max_length=64)
    query = pairs.query("what")
    [expected] = pairs.documents(query, ["broken \ufffd text"])

    assert [expected] == pairs.documents(query, ["broken \ud83d text"])
    assert pairs.query("a \ufffd").head.tolist() == pairs.query("a \udc00").head.tolist()


def test_documents_of_a_word_tokenizer_are_read_word_by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = PairTokenizer(embedded(), max_length=64)
    query = pairs.query("what")
    monkeypatch.setattr(tokenization._Cut, "_ids_of", None)
    assert len(pairs.documents(query, ["the capital"])[0].ids) == 2


@pytest.mark.parametrize("filler", [" ", "\n\t ", "\x00", "\u200b", "\u00ad"])
def test_millions_of_blanks_are_not_tokenized(filler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs, read = PairTokenizer(embedded(), max_length=64), list[int]()
    query, whole = pairs.query("what"), tokenization._Cut._ids_of

    def counting(cut: tokenization._Cut, texts: list[str]) -> list[list[int]]:
        read.extend(map(len, texts))
        return whole(cut, texts)

    monkeypatch.setattr(tokenization._Cut, "_ids_of", counting)
    text = filler * 1_000_000 + "the capital of france" + filler * 1_000_000
    [found] = pairs.documents(query, [text])
    assert found.ids == pairs.documents(query, ["the capital of france"])[0].ids
    assert not found.truncated
    assert sum(read) < 100_000


def test_what_is_read_of_a_text_without_tokens_is_bounded_by_the_window() -> None:
    pairs = PairTokenizer(embedded(), max_length=64)
    [found] = pairs.documents(pairs.query("what"), ["x" * 3_000_000])
    assert found.truncated
    assert len(found.ids) == 1
    assert pairs.query("x" * 3_000_000).truncated


def test_a_text_is_cut_at_its_beginning_where_the_files_say_so() -> None:
    pairs = PairTokenizer(embedded(), max_length=32, said=PairSettings(cut_left=True))
    text = " ".join(f"w{number}" for number in range(5_000))
    ids = embedded().encode(text, add_special_tokens=False).ids
    query = pairs.query(text)
    assert query.head.tolist()[1:-1] == ids[-24:]
    [found] = pairs.documents(pairs.query("what"), [text])
    assert found.ids.tolist() == ids[-28:]
    assert found.truncated
