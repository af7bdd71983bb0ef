"""From a checkpoint to a model folder."""

from __future__ import annotations

from pathlib import Path

import pytest

for needed in ("torch", "sentence_transformers", "datasets", "accelerate"):
    pytest.importorskip(needed)

from safetensors.torch import load_file  # noqa: E402

from benchmarks.embedded.shipping import finish  # noqa: E402
from benchmarks.embedded.training import train  # noqa: E402
from localrank import rerank_sync  # noqa: E402
from localrank_transformers import OnnxReranker  # noqa: E402
from localrank_transformers.training.model.late_folder import is_late_folder, read_head  # noqa: E402
from tests.benchmarks.embedded.recipe import run  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own
]


def test_a_bi_encoder_becomes_a_calibrated_model_with_graphs_that_go_on_after_an_interruption(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bi_encoder: Path, lists: Path
) -> None:
    places = ["--late", "--data", lists, "--base", bi_encoder, "--out", tmp_path / "run"]
    often = ["--batch-size", 2, "--save-every", 2]
    run(monkeypatch, train, *places, *often, "--steps", 2)
    run(monkeypatch, train, *places, *often, "--steps", 4, "--resume")
    checkpoint = tmp_path / "run" / "averaged-4"
    before, after = (load_file(folder / "model.safetensors") for folder in (bi_encoder, checkpoint))
    words = "embeddings.word_embeddings.weight"
    assert after[words].equal(before[words])
    assert (
        after["encoder.layer.1.output.dense.weight"].ne(before["encoder.layer.1.output.dense.weight"]).any()
    )

    run(monkeypatch, finish, checkpoint, "--data", lists, "--out", tmp_path / "model")
    assert is_late_folder(tmp_path / "model")
    assert read_head(tmp_path / "model") != read_head(checkpoint)
    first = rerank_sync(OnnxReranker(tmp_path / "model", precision="int8"), "the river", ["the river", "x"])
    assert first[0].text == "the river"
