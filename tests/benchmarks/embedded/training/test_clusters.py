"""Lists that share their documents, read together."""

from __future__ import annotations

from pathlib import Path

import pytest

for needed in ("torch", "sentence_transformers", "datasets", "accelerate"):
    pytest.importorskip(needed)

import torch  # noqa: E402

from benchmarks.embedded.training.clusters import cluster_logits, read_clusters  # noqa: E402
from localrank_transformers.training.fitting.fitting import load_model  # noqa: E402
from localrank_transformers.training.request import TrainSettings  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own
]


def test_a_text_that_is_read_once_has_the_logits_that_its_pairs_have(late_base: Path, clusters: Path) -> None:
    model = load_model(late_base, TrainSettings(device="cpu"))
    read = read_clusters(clusters / "train.jsonl.gz")
    assert [len(one.queries) for one in read] == [3, 3]
    pairs = [(query, text) for query in read[0].queries for text in read[0].documents]
    expected = model.predict(pairs, activation_fn=torch.nn.Identity())
    with torch.no_grad():
        found = cluster_logits(model[0], read[0].queries, read[0].documents)
    assert found.flatten().tolist() == pytest.approx(expected.tolist(), abs=1e-4)
