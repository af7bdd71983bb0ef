"""Training from prepared lists to averaged weights, on a very small model."""

from __future__ import annotations

from pathlib import Path

import pytest

for needed in ("torch", "sentence_transformers", "datasets", "accelerate"):
    pytest.importorskip(needed)

from safetensors.torch import load_file  # noqa: E402
from transformers import BertConfig, BertForSequenceClassification  # noqa: E402

from benchmarks.embedded.training import train  # noqa: E402
from localrank_transformers.models import bundled  # noqa: E402
from tests.benchmarks.embedded.recipe import run, write_rows  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own
]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, num_labels=1
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes(bundled.read_file("localrank-mini", name))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [
        {
            "query": f"which is {number}?",
            "documents": [f"text {number + place} of many" for place in range(4)],
            "scores": [2.0, 1.0, 0.0, 0.0],
        }
        for number in range(16)
    ]
    for row in rows[1::2]:
        row["labels"] = [1, 0, 0, 0]
    write_rows(tmp_path / "data" / "train.jsonl.gz", rows)
    return tmp_path / "data"


def test_a_run_leaves_averages_and_goes_on_after_an_interruption(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, base: Path, data: Path
) -> None:
    places = ("--data", data, "--base", base, "--out", tmp_path / "run", "--batch-size", 2, "--save-every", 2)

    run(monkeypatch, train, *places, "--steps", 2)
    run(monkeypatch, train, *places, "--steps", 4, "--resume")

    first, second = (
        load_file(tmp_path / "run" / f"averaged-{step}" / "model.safetensors") for step in (2, 4)
    )
    start = load_file(tmp_path / "run" / "start" / "model.safetensors")
    words = "bert.embeddings.word_embeddings.weight"
    assert set(first) == set(start)
    assert first["classifier.weight"].ne(second["classifier.weight"]).any()
    assert second[words].equal(start[words])
