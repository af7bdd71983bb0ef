"""Pieces found by the kernels: the best path, in little memory, which comes back."""

from __future__ import annotations

import gc
import json
from collections.abc import Sequence

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from localrank_transformers.engines.native import library
from localrank_transformers.engines.native.library import usable
from localrank_transformers.engines.native.pieces import NativeFinder, NativePieces, fastest_finder
from localrank_transformers.models.folder.stated.unigram import PieceTable

pytestmark = pytest.mark.skipif(not usable(), reason="no kernels can run here")

PIECES = {
    "<unk>": 0.0,
    "\u2581": -3.0,
    "a": -2.0,
    "b": -2.5,
    "ab": -4.0,
    "\u2581ab": -6.0,
    "é": -5.0,
    "\u2581a": -5.5,
}


def table_of(pieces: Sequence[tuple[str, float]]) -> PieceTable:
    found = NativeFinder(usable()[0]).table(json.dumps(pieces).encode(), 0)
    assert found is not None
    return found


def made(pieces: Sequence[str] = tuple(PIECES), *, at_blanks: bool = True) -> NativePieces:
    table = table_of([(piece, PIECES.get(piece, -9.0)) for piece in pieces])
    return NativeFinder(usable()[0]).pieces(table, unknown=0, at_blanks=at_blanks)


def test_the_path_of_the_greatest_sum_is_taken() -> None:
    assert made().ids("ab") == [5]  # -6 beats -3 - 4 and -5.5 - 2.5
    assert made().ids("a") == [1, 2]  # -3 - 2 beats -5.5
    assert made().ids("abab") == [5, 4]


def test_each_word_begins_with_a_mark_which_is_there_once() -> None:
    assert made().ids("a \u2003\u2581a\n") == [1, 2, 1, 2]


def test_blanks_that_do_not_split_are_letters() -> None:
    assert made(at_blanks=False).ids("a b") == [1, 2, 0, 3]


def test_unknown_letters_are_one_piece_until_a_known_one() -> None:
    assert made().ids("xyéx東京") == [1, 0, 6, 0]


def test_a_text_without_words_has_no_pieces() -> None:
    assert made().ids("") == made().ids(" \u3000\r\n") == []


def test_a_vocabulary_of_one_piece_knows_nothing_else() -> None:
    assert made(["<unk>"]).ids("a b") == [0, 0]


def test_pieces_have_the_ids_of_their_places() -> None:
    pieces = made()
    assert [pieces.id(piece) for piece in PIECES] == list(range(len(PIECES)))
    assert pieces.id("b\u2581") is None
    assert pieces.id("") is None


def test_a_piece_may_hold_any_byte() -> None:
    pieces = made(["<unk>", "\u2581", "a\x00b", "\U0010ffff"])
    assert pieces.ids("a\x00b\U0010ffff") == [1, 2, 3]
    assert pieces.id("a\x00b") == 2


def test_a_text_of_a_megabyte_without_blanks_is_read() -> None:
    assert made().ids("ab" * 500_000) == [5, *[4] * 499_999]


def test_its_memory_is_given_back() -> None:
    finder = NativeFinder(usable()[0])
    table = table_of([(f"{number:08}", -1.0) for number in range(100_000)])
    finder.pieces(table, unknown=0, at_blanks=True)
    before = resident()
    for _ in range(20):
        finder.pieces(table, unknown=0, at_blanks=True)
    assert resident() - before < 20  # 4 MB each


def resident() -> float:
    """Return this process's memory in MB."""
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


def test_a_file_s_array_of_pieces_is_read() -> None:
    content = b'{"vocab": [ ["<unk>" , 0] ,\n["\\u2581a\\"\\n\\ud83c\\udf89", -1.5E0],["\xe6\x9d\xb1",-2e-1]], "unk_id": 0}'
    found = NativeFinder(usable()[0]).table(content, content.index(b"["))
    assert found is not None
    assert found.pieces.decode() == '<unk>\u2581a"\n\U0001f389東'
    assert found.lengths.tolist() == [5, 10, 3]
    assert found.scores.tolist() == [0.0, -1.5, -0.2]
    assert content[found.end :] == b', "unk_id": 0}'


@given(
    st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.floats(-1e9, 1e9).map(str))),
    st.booleans(),
)
def test_pieces_and_scores_are_those_that_the_library_reads(
    pieces: list[tuple[str, str]], ascii_only: bool
) -> None:
    texts = [json.dumps(piece, ensure_ascii=ascii_only) for piece, _ in pieces]
    entries = ",".join(f"[{text},{score}]" for text, (_, score) in zip(texts, pieces, strict=True))
    content = f"[{entries}]".encode()
    found = NativeFinder(usable()[0]).table(content, 0)
    if found is None:  # more digits or powers than it reads
        assert any("e" in score for _, score in pieces)
        return
    file = f'{{"type":"Unigram","unk_id":null,"vocab":[["only",0.0]{"," if pieces else ""}{entries}]}}'
    library = json.loads(Tokenizer.from_str(f'{{"version":"1.0","added_tokens":[],"model":{file}}}').to_str())
    assert found.end == len(content)
    assert found.pieces.decode() == "".join(piece for piece, _ in pieces)
    assert found.lengths.tolist() == [len(piece.encode()) for piece, _ in pieces]
    assert found.scores.tolist() == [score for _, score in library["model"]["vocab"][1:]]


def test_scores_of_seventeen_digits_are_rounded_as_the_library_rounds_them() -> None:
    content = b'[["k",-7.4715776443481445],["a",-7.7206902503967285]]'
    found = NativeFinder(usable()[0]).table(content, 0)
    assert found is not None
    assert found.scores.tolist() == [-7.471577644348144, -7.720690250396728]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[",
        "{}",
        '[["a",1]',
        '[["a",1],]',
        '[["a"]]',
        '[["a",]]',
        '[["a",1,2]]',
        '[["a","1"]]',
        '[["a",01]]',
        '[["a",.5]]',
        '[["a",1.]]',
        '[["a",1e]]',
        '[["a",+1]]',
        '[["a",NaN]]',
        '[["a",1e400]]',
        '[["a",123456789012345678901]]',
        '[[a,1]]',
        '[["a,1]]',
        '[["\n",1]]',
        '[["\\x",1]]',
        '[["\\u12g4",1]]',
        '[["\\ud800",1]]',
        '[["\\ud800\\u0041",1]]',
        '[["\\udc00",1]]',
        '["a",1]',
    ],
)  # fmt: skip
def test_another_array_is_none(content: str) -> None:
    assert NativeFinder(usable()[0]).table(content.encode(), 0) is None


def test_without_kernels_nothing_finds_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(library.VARIABLE, raising=False)
    monkeypatch.setattr(library, "_opened", lambda: library.Absence("not here"))
    assert fastest_finder() is None
