"""Training on lists that share their documents."""

from __future__ import annotations

from pathlib import Path

import pytest

for needed in ("torch", "sentence_transformers", "datasets", "accelerate"):
    pytest.importorskip(needed)

from safetensors.torch import load_file  # noqa: E402

from benchmarks.embedded.training import train_clusters  # noqa: E402
from tests.benchmarks.embedded.recipe import run  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own
]


def test_a_run_learns_and_leaves_averages(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    late_base: Path,
    clusters: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    places = ("--data", clusters, "--base", late_base, "--out", tmp_path / "run", "--hard", 1)
    run(monkeypatch, train_clusters, *places, "--steps", 40, "--save-every", 20, "--learning-rate", 1e-2)

    losses = [
        float(line.split()[3]) for line in capfd.readouterr().err.splitlines() if line.startswith("step ")
    ]
    assert losses[-1] < losses[0] / 2, losses
    first, second = (
        load_file(tmp_path / "run" / f"averaged-{step}" / "model.safetensors") for step in (20, 40)
    )
    start = load_file(tmp_path / "run" / "start" / "model.safetensors")
    assert (
        first["encoder.layer.1.output.dense.weight"].ne(second["encoder.layer.1.output.dense.weight"]).any()
    )
    assert second["embeddings.word_embeddings.weight"].equal(start["embeddings.word_embeddings.weight"])
