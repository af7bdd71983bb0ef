"""A teacher that compares token vectors."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

for needed in ("torch", "sentence_transformers", "datasets", "accelerate"):
    pytest.importorskip(needed)

import numpy as np  # noqa: E402
import torch  # noqa: E402

from benchmarks.embedded.teachers import tokens  # noqa: E402
from tests.benchmarks.embedded.recipe import read_rows, run  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own
]


def test_the_token_vectors_say_half_of_a_list(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bi_encoder: Path, lists: Path
) -> None:
    run(monkeypatch, tokens, "--data", lists, "--teacher", bi_encoder, "--out", tmp_path / "taught")
    row = read_rows(tmp_path / "taught" / "train.jsonl.gz")[0]
    vectors = tokens.token_vectors(bi_encoder, [row["query"], *row["documents"]])
    asked = vectors[row["query"]]
    cosines = [tokens.best_cosines(asked, vectors[text], by_length=False) for text in row["documents"]]
    powers = np.exp(25 * np.array(cosines))
    before = np.exp([2.0, 1.0, 0.0, 0.0])
    expected = (before / before.sum() + powers / powers.sum()) / 2
    assert np.exp(row["scores"]) == pytest.approx(expected, abs=2e-4)
    assert (tmp_path / "taught" / "dev.jsonl.gz").read_bytes() == (lists / "dev.jsonl.gz").read_bytes()


def test_lists_that_are_read_are_not_written_over(
    monkeypatch: pytest.MonkeyPatch, bi_encoder: Path, lists: Path
) -> None:
    before = (lists / "train.jsonl.gz").read_bytes()
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, tokens, "--data", lists, "--teacher", bi_encoder, "--out", lists)
    assert (lists / "train.jsonl.gz").read_bytes() == before


def test_the_best_cosines_are_averaged_over_the_query() -> None:
    query = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    document = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
    half = math.sqrt(0.5)
    equally = tokens.best_cosines(query, document, by_length=False)
    by_length = tokens.best_cosines(query, document, by_length=True)
    assert (equally, by_length) == (pytest.approx((1 + half) / 2), pytest.approx((3 + half) / 4))
