"""Lists that share their documents: how they are made, read, learnt from and measured by."""

from __future__ import annotations

import gzip
import json
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

for needed in ("torch", "sentence_transformers", "datasets", "accelerate", "bm25s"):
    pytest.importorskip(needed)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import BertConfig, BertModel  # noqa: E402

from benchmarks.embedded.choosing import choose_clusters  # noqa: E402
from benchmarks.embedded.lists import clusters as lists  # noqa: E402
from benchmarks.embedded.lists.queries import Keywords  # noqa: E402
from benchmarks.embedded.records.reading import Record, is_development  # noqa: E402
from benchmarks.embedded.teachers.finished import FinishedTeacher  # noqa: E402
from benchmarks.embedded.teachers.retrievers import Lexical  # noqa: E402
from benchmarks.embedded.training import train_clusters  # noqa: E402
from benchmarks.embedded.training.clusters import cluster_logits, read_clusters  # noqa: E402
from benchmarks.embedded.training.late_start import write_late  # noqa: E402
from localrank_transformers.models import bundled  # noqa: E402
from localrank_transformers.models.folder.exported import LateLogit  # noqa: E402
from localrank_transformers.training.fitting.fitting import load_model  # noqa: E402
from localrank_transformers.training.model.late_pairs import load_encoder  # noqa: E402
from localrank_transformers.training.request import TrainSettings  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # the libraries' own
]

MODEL = Path(bundled.__file__).parent / "localrank_tiny"
THINGS = ["river", "stone", "cloud", "engine", "violin", "harbour"]


def record(group: str, query: str, passage: str, *answers: str) -> Record:
    return Record("docs", "docs", group, query, passage, "faq", "MIT", answers)


RECORDS = [
    record(
        "page",
        f"what does the {one} of the {other} do",
        f"the {one} of the {other} stands still and waits there",
    )
    for one in THINGS
    for other in THINGS
]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    torch.manual_seed(5)
    plain = tmp_path / "plain"
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(**shape, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)).save_pretrained(
        plain
    )
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (plain / name).write_bytes(bundled.read_file("localrank-mini", name))
    write_late(
        tmp_path / "base", load_encoder(plain), plain, LateLogit(scale=20.0, bias=-10.0, by_length=True)
    )
    return tmp_path / "base"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("train", "dev"):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt") as lines:
            for first in (0, 3):
                documents = [
                    f"a text of the {one}, longer by {'a word ' * place}"
                    for place, one in enumerate(THINGS[first : first + 3])
                ]
                for place in range(3):
                    row = {
                        "query": f"what is the {THINGS[first + place]}?",
                        "documents": documents,
                        "labels": [int(place == other) for other in range(3)],
                        "scores": [float(place == other) for other in range(3)],
                        "kind": "qa",
                        "source": "squad:one",
                    }
                    lines.write(json.dumps(row) + "\n")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, script: ModuleType, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [script.__name__, *map(str, arguments)])
    assert script.main() == 0


def test_a_cluster_is_what_the_model_puts_first() -> None:
    pool = lists.Pool.of(
        [*RECORDS, record("far", "who plays the piano", "a pianist is one who plays the piano well")]
    )
    start = RECORDS[0]
    texts = lists.cluster(start, pool, FinishedTeacher(MODEL), Lexical(pool.passages), random.Random(3))
    assert len(texts) == len(set(texts)) == 16
    assert start.passage in texts
    assert "a pianist is one who plays the piano well" not in texts


def made(records: list[Record], texts: list[str]) -> dict[str, list[int] | None]:
    pool = lists.Pool.of(records)
    rows = lists.rows_of(texts, pool, Lexical(pool.passages), Keywords(pool.passages), random.Random(3))
    assert all(row.documents == texts for row in rows)
    assert all(np.exp(row.scores).sum() == pytest.approx(1, abs=1e-3) for row in rows)
    return {row.query: row.labels for row in rows}


def test_each_query_of_a_clusters_texts_has_a_list() -> None:
    records = [
        record("page", f"which one is the number {place}", f"text {place} says nothing") for place in range(4)
    ]
    found = made(records, [one.passage for one in records])
    assert sorted(found.values()) == [[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]]


def test_each_text_that_a_query_belongs_to_is_right() -> None:
    records = [
        record("page", "which ones are the colours", f"text {place} says nothing") for place in range(2)
    ]
    records.append(record("page", "what else is to be said", "text 2 says nothing"))
    assert [1, 1, 0] in made(records, [one.passage for one in records]).values()


def test_a_query_whose_answer_another_text_holds_has_no_list() -> None:
    records = [
        record("page", "which city is the capital", "Paris is the capital", "Paris"),
        record("page", "which city is the oldest one", "Marseille is older than paris", "Marseille"),
    ]
    assert list(made(records, [one.passage for one in records]).values()) == [[0, 1]]


def test_lists_are_of_groups_on_either_side_and_without_an_evaluations_texts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = [f"page {number}" for number in range(200)]
    kept = next(name for name in names if is_development(record(name, "", "")))
    learnt = next(name for name in names if not is_development(record(name, "", "")))
    (tmp_path / "records").mkdir()
    rows = [
        {
            "query": one.query,
            "passage": f"{one.passage} on {name}",
            "group": name,
            "kind": "faq",
            "source": "docs",
            "licence": "MIT",
        }
        for name in (kept, learnt)
        for one in RECORDS
    ]
    with gzip.open(tmp_path / "records" / "docs.jsonl.gz", "wt") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    held = tmp_path / "eval" / "held-out"
    (held / "qrels").mkdir(parents=True)
    (held / "corpus.jsonl").write_text(json.dumps({"_id": "d", "text": "x"}) + "\n")
    (held / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": RECORDS[0].query}) + "\n")
    (held / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n")

    places = ("--train", tmp_path / "records", "--eval", tmp_path / "eval", "--out", tmp_path / "lists")
    run(monkeypatch, lists, *places, "--miner", MODEL, "--clusters", 20)

    for file, group in (("dev", kept), ("train", learnt)):
        with gzip.open(tmp_path / "lists" / f"{file}.jsonl.gz", "rt") as lines:
            texts = {text for row in map(json.loads, lines) for text in (row["query"], *row["documents"])}
        assert texts
        assert RECORDS[0].query not in texts
        assert all(text.endswith(f" on {group}") for text in texts if text.startswith("the "))


@pytest.mark.parametrize(("cosines", "faultless"), [([0.9, 0.2, 0.8], True), ([0.9, 0.85, 0.8], False)])
def test_a_list_is_without_fault_where_nothing_wrong_stands_above_what_is_right(
    cosines: list[float], faultless: bool
) -> None:
    assert lists.faultless(np.array(cosines, np.float32), [1, 0, 1]) is faultless


def test_a_text_that_is_read_once_has_the_logits_that_its_pairs_have(base: Path, data: Path) -> None:
    model = load_model(base, TrainSettings(device="cpu"))
    clusters = read_clusters(data / "train.jsonl.gz")
    assert [len(one.queries) for one in clusters] == [3, 3]
    pairs = [(query, text) for query in clusters[0].queries for text in clusters[0].documents]
    expected = model.predict(pairs, activation_fn=torch.nn.Identity())
    with torch.no_grad():
        found = cluster_logits(model[0], clusters[0].queries, clusters[0].documents)
    assert found.flatten().tolist() == pytest.approx(expected.tolist(), abs=1e-4)


def test_a_run_learns_and_leaves_averages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, base: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    places = ("--data", data, "--base", base, "--out", tmp_path / "run", "--hard", 1)
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


def test_the_choice_compares_with_the_first_folder(
    monkeypatch: pytest.MonkeyPatch, base: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(choose_clusters, "_LEAST", 1)
    places = (base, "--dev", data / "dev.jsonl.gz", "--kept", data / "kept")
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
