"""The choice by lists that share their documents."""

from __future__ import annotations

from pathlib import Path

import pytest

for needed in ("torch", "sentence_transformers", "datasets", "accelerate"):
    pytest.importorskip(needed)

import numpy as np  # noqa: E402

from benchmarks.embedded.choosing import choose_clusters  # noqa: E402
from tests.benchmarks.embedded.recipe import run  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own
]


def test_the_choice_compares_with_the_first_folder(
    monkeypatch: pytest.MonkeyPatch, late_base: Path, clusters: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(choose_clusters, "_LEAST", 1)
    places = (late_base, "--dev", clusters / "dev.jsonl.gz", "--kept", clusters / "kept")
    run(monkeypatch, choose_clusters, *places)
    table = capsys.readouterr().out
    assert "squad qa (6)" in table
    assert "+0.0000 (+0.0000 to +0.0000)" in table

    monkeypatch.setattr(choose_clusters, "_measured", pytest.fail)
    run(monkeypatch, choose_clusters, *places)
    assert capsys.readouterr().out == table


def test_the_kinds_count_alike_in_the_mean_change() -> None:
    changes = np.array([0.1, 0.1, 0.1, 0.3])
    kinds = {"many": np.array([0, 1, 2]), "few": np.array([3])}
    assert choose_clusters.mean_change(changes, kinds, np.arange(4)).startswith("+0.2000 ")
