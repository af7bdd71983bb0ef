"""Lists that share their documents."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

for needed in ("torch", "sentence_transformers", "datasets", "accelerate", "bm25s"):
    pytest.importorskip(needed)

import numpy as np  # noqa: E402

from benchmarks.embedded.lists import clusters  # noqa: E402
from benchmarks.embedded.lists.queries import Keywords  # noqa: E402
from benchmarks.embedded.records.reading import Record, is_development  # noqa: E402
from benchmarks.embedded.teachers.finished import FinishedTeacher  # noqa: E402
from benchmarks.embedded.teachers.retrievers import Lexical  # noqa: E402
from localrank_transformers.models import bundled  # noqa: E402
from tests.benchmarks.embedded.recipe import read_rows, run, write_collection, write_rows  # noqa: E402

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


def test_a_cluster_is_what_the_model_puts_first() -> None:
    pool = clusters.Pool.of(
        [*RECORDS, record("far", "who plays the piano", "a pianist is one who plays the piano well")]
    )
    start = RECORDS[0]
    texts = clusters.cluster(start, pool, FinishedTeacher(MODEL), Lexical(pool.passages), random.Random(3))
    assert len(texts) == len(set(texts)) == 16
    assert start.passage in texts
    assert "a pianist is one who plays the piano well" not in texts


def made(records: list[Record], texts: list[str]) -> dict[str, list[int] | None]:
    pool = clusters.Pool.of(records)
    rows = clusters.rows_of(texts, pool, Lexical(pool.passages), Keywords(pool.passages), random.Random(3))
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
    write_rows(tmp_path / "records" / "docs.jsonl.gz", rows)
    write_collection(tmp_path / "eval" / "held-out", RECORDS[0].query)

    places = ("--train", tmp_path / "records", "--eval", tmp_path / "eval", "--out", tmp_path / "lists")
    run(monkeypatch, clusters, *places, "--miner", MODEL, "--clusters", 20)

    for file, group in (("dev", kept), ("train", learnt)):
        written = read_rows(tmp_path / "lists" / f"{file}.jsonl.gz")
        texts = {text for row in written for text in (row["query"], *row["documents"])}
        assert texts
        assert RECORDS[0].query not in texts
        assert all(text.endswith(f" on {group}") for text in texts if text.startswith("the "))


@pytest.mark.parametrize(("cosines", "faultless"), [([0.9, 0.2, 0.8], True), ([0.9, 0.85, 0.8], False)])
def test_a_list_is_without_fault_where_nothing_wrong_stands_above_what_is_right(
    cosines: list[float], faultless: bool
) -> None:
    assert clusters.faultless(np.array(cosines, np.float32), [1, 0, 1]) is faultless
