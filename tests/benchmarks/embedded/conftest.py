"""A small bi-encoder, what is trained from it, and lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.embedded.recipe import write_encoder, write_rows

WORDS = ["river", "stone", "cloud", "engine", "violin", "harbour", "lantern", "copper"]


@pytest.fixture
def bi_encoder(tmp_path: Path) -> Path:
    folder = tmp_path / "bi-encoder"
    write_encoder(folder)
    return folder


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    rows = [
        {
            "query": f"what is the {WORDS[number]}?",
            "documents": [f"a text of the {WORDS[(number + place) % 8]}" for place in range(4)],
            "scores": [2.0, 1.0, 0.0, 0.0],
            "labels": [1, 0, 0, 0],
            "kind": "qa",
            "source": "squad",
        }
        for number in range(8)
    ]
    for name in ("train", "dev"):
        write_rows(tmp_path / "lists" / f"{name}.jsonl.gz", rows)
    return tmp_path / "lists"


@pytest.fixture
def late_base(tmp_path: Path) -> Path:
    from benchmarks.embedded.training.late_start import write_late
    from localrank_transformers.models.folder.exported import LateLogit
    from localrank_transformers.training.model.late_pairs import load_encoder

    plain, base = tmp_path / "plain", tmp_path / "base"
    write_encoder(plain, dropout=0.0)
    write_late(base, load_encoder(plain), plain, LateLogit(scale=20.0, bias=-10.0, by_length=True))
    return base


@pytest.fixture
def clusters(tmp_path: Path) -> Path:
    rows = [
        {
            "query": f"what is the {WORDS[first + place]}?",
            "documents": [
                f"a text of the {one}, longer by {'a word ' * number}"
                for number, one in enumerate(WORDS[first : first + 3])
            ],
            "labels": [int(place == other) for other in range(3)],
            "scores": [float(place == other) for other in range(3)],
            "kind": "qa",
            "source": "squad:one",
        }
        for first in (0, 3)
        for place in range(3)
    ]
    for name in ("train", "dev"):
        write_rows(tmp_path / "clusters" / f"{name}.jsonl.gz", rows)
    return tmp_path / "clusters"
