"""Pieces found by the kernels: the best path, in little memory, which comes back."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import psutil
import pytest

from localrank_transformers.engines.native import library
from localrank_transformers.engines.native.library import usable
from localrank_transformers.engines.native.pieces import NativePieces, fastest_pieces
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


def made(pieces: Sequence[str] = tuple(PIECES), *, at_blanks: bool = True) -> NativePieces:
    scores = [PIECES.get(piece, -9.0) for piece in pieces]
    return NativePieces(
        usable()[0], PieceTable([one.encode() for one in pieces], scores, 0, at_blanks=at_blanks)
    )


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
    table = PieceTable(
        [f"{number:08}".encode() for number in range(100_000)], [-1.0] * 100_000, 0, at_blanks=True
    )
    NativePieces(usable()[0], table)
    before = resident()
    for _ in range(20):
        NativePieces(usable()[0], table)
    assert resident() - before < 20  # 2 MB each


def resident() -> float:
    """Return this process's memory in MB."""
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


def test_without_kernels_nothing_finds_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(library.VARIABLE, raising=False)
    monkeypatch.setattr(library, "_opened", lambda: library.Absence("not here"))
    assert fastest_pieces() is None
