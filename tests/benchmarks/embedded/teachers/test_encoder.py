"""Embeddings are made once."""

from __future__ import annotations

from pathlib import Path

import pytest

np = pytest.importorskip("numpy")

from benchmarks.embedded.teachers.encoder import Encoder  # noqa: E402


class Letters(Encoder):
    """Stands for a bi-encoder: a row of the text's length."""

    def _encode(self, texts: list[str]):
        return np.asarray([[len(text), 0] for text in texts], np.float32)


def test_rows_come_in_the_order_of_the_texts(tmp_path: Path) -> None:
    assert Letters("none", tmp_path)(["bbb", "a", "bbb"])[:, 0].tolist() == [3, 1, 3]


def test_what_was_encoded_before_is_read_from_disk(tmp_path: Path) -> None:
    Letters("none", tmp_path)(["bbb", "a"])
    assert Encoder("no such model", tmp_path)(["a", "bbb"])[:, 0].tolist() == [1, 3]
