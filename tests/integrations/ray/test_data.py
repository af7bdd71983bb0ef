"""`rerank_dataset`: on Ray Data, the rows and scores of a job over the same file."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from localrank import InvalidRequestError, ScoredIndex, UnknownModelError
from localrank.batches import BatchJob, Columns, run_batch
from localrank.contract.model import DoRerankOptions, DoRerankResult
from localrank.providers.cores import usable_cores
from localrank.testing import LexicalReranker
from tests.batches.conftest import some_lists, some_rows, written

pytest.importorskip("ray")
pa = pytest.importorskip("pyarrow")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default"), pytest.mark.timeout(300)]
MODEL = "onnx:localrank-mini"


@pytest.fixture
def data(cluster: Any) -> Any:
    """Ray Data without progress bars."""
    import ray.data

    ray.data.DataContext.get_current().enable_progress_bars = False
    ray.data.DataContext.get_current().verbose_progress = False
    ray.data.DataContext.get_current().default_hash_shuffle_parallelism = 2
    return ray.data


def reranked(dataset: Any, model: Any = MODEL, **settings: Any) -> list[dict[str, Any]]:
    from localrank.integrations.ray import rerank_dataset

    rows = rerank_dataset(dataset, model, **settings).take_all()
    return sorted(rows, key=lambda row: str(row["id"]))


def spoilt(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with two that cannot be ranked."""
    rows[3] = {**rows[3], "query": None}
    rows[7] = {**rows[7], "text": None}
    return rows


@pytest.mark.parametrize("rows", [spoilt(some_lists()), spoilt(some_rows())], ids=["lists", "candidates"])
def test_rows_and_bits_are_those_of_a_job_over_the_file_and_rejects_are_in_a_column(
    data: Any, tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    import pyarrow.parquet as pq

    source = tmp_path / "in.parquet"
    pq.write_table(pa.Table.from_pylist(rows), source, row_group_size=7)
    run_batch(BatchJob(source, tmp_path / "out"), MODEL)
    expected = sorted(written(tmp_path / "out"), key=lambda row: str(row["id"]))
    found = reranked(data.read_parquet(str(source)))

    kept = [row for row in found if row["reject"] is None]
    reasons = {row["reject"] for row in found if row["reject"] is not None}
    assert [{name: row[name] for name in expected[0]} for row in kept] == expected
    assert len(found) == len(rows)
    assert {"the query is null"} < reasons


def test_other_names_and_a_count_of_candidates_to_keep(data: Any) -> None:
    rows = [{"id": row["id"], "q": row["query"], "t": row["text"], "g": 1} for row in some_rows(2)]
    names = Columns("q", "t", group="g", rank="place")

    found = reranked(data.from_items(rows), LexicalReranker(), columns=names, top_k=2, reject_column=None)

    assert len(found) == 4
    assert {"id", "q", "t", "g", "place", "score"} == {*found[0]}


def test_a_process_that_is_killed_in_the_middle_loses_nothing(data: Any, tmp_path: Path) -> None:
    killed = tmp_path / "killed"

    class DiesOnce:
        provider, model_id = "test", "dies-once"

        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            if options.query == "query 7" and not killed.exists():
                killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return DoRerankResult([ScoredIndex(at, len(text)) for at, text in enumerate(options.documents)])

    rows = some_lists()
    found = reranked(data.from_items(rows, override_num_blocks=4), DiesOnce(), batch_size=2)

    assert killed.exists()
    assert [row["id"] for row in found] == sorted([row["id"] for row in rows], key=str)
    assert {tuple(row["rank"]) for row in found} == {(5, 4, 3, 2, 1)}


def test_what_rays_checkpoint_holds_is_not_ranked_again(data: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq
    from ray.data.checkpoint import CheckpointConfig

    from localrank.integrations.ray import rerank_dataset

    asked = tmp_path / "asked"

    class Tells:
        provider, model_id = "test", "tells"

        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            with asked.open("a") as file:
                file.write(f"{options.query}\n")
            return DoRerankResult([ScoredIndex(at, len(text)) for at, text in enumerate(options.documents)])

    def run(rows: list[dict[str, Any]]) -> list[str]:
        """Write the rows that there are so far, rank them, and return what was asked."""
        asked.write_text("")
        (tmp_path / "in").mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in/rows.parquet")
        dataset = data.read_parquet(str(tmp_path / "in"))
        rerank_dataset(dataset, Tells()).write_parquet(str(tmp_path / "out"))
        return asked.read_text().splitlines()

    context = data.DataContext.get_current()
    context.checkpoint_config = CheckpointConfig(
        "id", str(tmp_path / "checkpoint"), delete_checkpoint_on_success=False
    )
    try:
        first, second = run(spoilt(some_lists())[:5]), run(spoilt(some_lists()))
    finally:
        context.checkpoint_config = None
    done = pq.read_table(tmp_path / "out").to_pylist()

    assert sorted(first) == ["query 0", "query 1", "query 2", "query 4"]
    assert sorted(second) == sorted(f"query {number}" for number in (5, 6, 8, 9, 10, 11))
    assert sorted(row["id"] for row in done) == list(range(12))


@pytest.mark.parametrize("cores", [1, 2])
def test_an_actor_computes_on_the_cores_that_it_has(data: Any, cores: int) -> None:
    class Counts:
        provider, model_id = "test", "counts"

        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            return DoRerankResult([ScoredIndex(at, usable_cores()) for at in range(len(options.documents))])

    found = reranked(data.from_items(some_lists(1)), Counts(), num_cpus=cores)

    assert {score for row in found for score in row["score"]} == {cores}


def test_what_cannot_work_is_refused_before_anything_runs(data: Any) -> None:
    from ray.data.checkpoint import CheckpointConfig

    from localrank.integrations.ray import rerank_dataset

    class Held(LexicalReranker):
        def __reduce__(self) -> Any:
            raise TypeError("cannot pickle a lock")

    lists, candidates = data.from_items(some_lists()), data.from_items(some_rows())
    for wrong, message in [
        (lambda: rerank_dataset(lists, Held()), "cannot be sent to other processes: cannot pickle a lock"),
        (lambda: rerank_dataset(lists, MODEL, columns=Columns("question")), "has no column 'question'"),
        (lambda: rerank_dataset(lists, MODEL, reject_column="id"), "has a column 'id' already"),
    ]:
        with pytest.raises(InvalidRequestError, match=message):
            wrong()
    with pytest.raises(UnknownModelError):
        rerank_dataset(lists, "no-such-provider:model")
    candidates.context.checkpoint_config = CheckpointConfig("id", "/nowhere")
    with pytest.raises(InvalidRequestError, match="A checkpoint remembers rows"):
        rerank_dataset(candidates, MODEL)
