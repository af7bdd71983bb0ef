"""Batches of texts of many languages, and BM25 over letters."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from benchmarks.embedded.multilingual import texts as module
from benchmarks.embedded.multilingual.letters import LetterIndex, runs
from benchmarks.embedded.multilingual.texts import Passage, Texts, is_apart, read_passages


def test_words_fall_into_runs_of_letters_with_their_ends_marked() -> None:
    assert list(runs("Äh, Zug!")) == [" äh", "äh ", " zu", "zug", "ug "]


def test_scripts_without_spaces_fall_into_pairs() -> None:
    assert list(runs("猫在睡觉")) == ["猫在", "在睡", "睡觉"]


def test_the_text_that_shares_most_runs_comes_first() -> None:
    index = LetterIndex(["der Zug fährt", "ein Haus am See", "das Wetter"])
    assert index.best("Züge und Häuser am See", 1) == [1]


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> Texts:
    words = {f"w{at}": at for at in range(50)} | {"?": 50}
    tokenizer = Tokenizer(WordLevel(words, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    monkeypatch.setattr(
        module, "frequencies", lambda _wheel, language: {"w49": 1.0} if language == "de" else {}
    )
    passages = {
        language: [Passage(language, f"p/{at}", " ".join(f"w{at + k}" for k in range(9))) for at in range(20)]
        for language in ("de", "en", "th")
    }
    records = [Passage("en", "r", "w1 w2 w3 w4 w5 w6 w7", "w48 w48")] * 5
    return Texts(passages, records, tokenizer=tokenizer, words=None, seed=5)  # type: ignore[arg-type]


def test_a_step_has_the_same_texts_each_time_and_another_step_others(texts: Texts) -> None:
    first, again, other = (texts.batch(step, tokens=200) for step in (7, 7, 8))
    assert [row.tolist() for row in first] == [row.tolist() for row in again]
    assert [row.tolist() for row in first] != [row.tolist() for row in other]


def test_a_batch_has_the_tokens_asked_for_and_its_short_texts_first(texts: Texts) -> None:
    rows = texts.batch(3, tokens=300)
    lengths = [len(row) for row in rows]
    assert sum(lengths) >= 300
    assert lengths == sorted(lengths)
    assert min(lengths) > 0
    assert max(np.concatenate(rows)) <= 50


def test_tokens_of_frequent_words_are_put_into_some_texts(texts: Texts) -> None:
    rows = [row for step in range(20) for row in texts.batch(step, tokens=200)]
    exchanged = [row for row in rows if 49 in row]
    assert 0 < len(exchanged) < len(rows) / 2


def test_english_records_have_the_say_of_five_languages_and_bring_their_questions(texts: Texts) -> None:
    rows = [row.tolist() for step in range(60) for row in texts.batch(step, tokens=200)]
    asked = [row for row in rows if 48 in row]
    of_records = [row for row in rows if row[:1] == [1] and 2 in row]
    assert len(of_records) > len(rows) / 4
    assert 0 < len(asked) < len(of_records)


def test_a_page_is_kept_apart_in_all_languages(tmp_path: Path) -> None:
    records = [
        {"language": language, "group": f"help/{at}.html/{place}", "heading": None, "text": "a text"}
        for language in ("de", "en", "xx")
        for at in range(200)
        for place in range(2)
    ]
    path = tmp_path / "passages.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, records)).encode()))
    found = read_passages(path)
    kept = {f"help/{at}.html" for at in range(200) if not is_apart(f"help/{at}.html/0")}
    assert 170 < len(kept) < 200
    assert set(found) == {"de", "en"}
    for passages in found.values():
        assert {one.group.rpartition("/")[0] for one in passages} == kept
        assert len(passages) == 2 * len(kept)
