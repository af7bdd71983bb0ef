"""A job on Ray: the folder that the same job leaves without it, whoever began it and whatever died."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from localrank import InferenceError, InvalidRequestError, ScoredIndex
from localrank.batches import BatchJob, run_batch
from localrank.contract.model import DoRerankOptions, DoRerankResult
from localrank.testing import LexicalReranker
from tests.batches.conftest import WriteRows, contents, some_lists, some_rows, write
from tests.support.shell import localrank

pytest.importorskip("ray")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("cluster"),
]
MODEL = "onnx:localrank-mini"
__all__ = ["write"]  # the fixture


def on_ray(job: BatchJob, model: Any, **settings: Any) -> Any:
    from localrank.integrations.ray import run_batch_on_ray

    return run_batch_on_ray(job, model, **settings)


@pytest.mark.parametrize(
    ("name", "rows"), [("in.jsonl.gz", some_rows()), ("in.parquet", some_lists())], ids=["lines", "table"]
)
def test_the_folder_is_that_of_the_job_without_a_cluster(
    write: WriteRows, tmp_path: Path, name: str, rows: list[dict[str, Any]]
) -> None:
    rows = [*rows[:7], {**rows[7], "text": None}, *rows[8:]]
    source = write(name, rows)
    report = run_batch(BatchJob(source, tmp_path / "here", part_documents=10), MODEL)

    assert on_ray(BatchJob(source, tmp_path / "there", part_documents=10), MODEL) == report
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_a_run_is_ranked_with_texts_that_only_this_machine_has(tmp_path: Path) -> None:
    rows = some_rows(4)
    (tmp_path / "corpus.jsonl").write_text(
        "".join(json.dumps({"_id": row["id"], "text": row["text"]}) + "\n" for row in rows)
    )
    (tmp_path / "queries.jsonl").write_text(
        "".join(json.dumps({"_id": str(number), "text": f"query {number}"}) + "\n" for number in range(4))
    )
    run = tmp_path / "in.run"
    lines = [f"{row['id'].partition('-')[0]} Q0 {row['id']} 1 1 first\n" for row in rows]
    run.write_text("".join([*lines, "3 Q0 absent 1 1 first\n"]))
    here, there = (
        BatchJob(run, tmp_path / name, part_documents=10, collection=tmp_path) for name in ("here", "there")
    )

    report = run_batch(here, MODEL)

    assert on_ray(there, MODEL) == report
    assert report.rejected == 1
    assert contents(there.output) == contents(here.output)


def test_dollars_are_not_promised_where_parts_are_sent_ahead(write: WriteRows, tmp_path: Path) -> None:
    job = BatchJob(write("in.jsonl", some_rows()), tmp_path / "out", max_cost=1)

    with pytest.raises(InvalidRequestError, match="max_cost is given"):
        on_ray(job, MODEL)


def test_either_goes_on_with_what_the_other_began(write: WriteRows, tmp_path: Path) -> None:
    source = write("in.jsonl", some_rows())
    run_batch(BatchJob(source, tmp_path / "here", part_documents=10), MODEL)
    job = BatchJob(source, tmp_path / "mixed", part_documents=10)
    run_batch(job, MODEL, should_stop=lambda: True)

    second = on_ray(job, MODEL, actors=1, should_stop=lambda: True)
    last = run_batch(job, MODEL)

    assert (second.complete, second.resumed, last.complete) == (False, 10, True)
    assert contents(tmp_path / "mixed") == contents(tmp_path / "here")


class Dies:
    """A reranker that kills its process at one query: once, or whenever it comes."""

    provider, model_id = "test", "dies"

    def __init__(self, killed: Path, *, once: bool) -> None:
        self.killed, self.once = killed, once

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        if options.query == "query 7" and not (self.once and self.killed.exists()):
            with self.killed.open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        return DoRerankResult([ScoredIndex(at, len(text)) for at, text in enumerate(options.documents)])


def test_an_actor_that_is_killed_in_the_middle_loses_nothing(write: WriteRows, tmp_path: Path) -> None:
    source = write("in.jsonl", some_rows())
    (tmp_path / "killed").touch()
    run_batch(BatchJob(source, tmp_path / "here", part_documents=10), Dies(tmp_path / "killed", once=True))
    (tmp_path / "killed").unlink()

    on_ray(BatchJob(source, tmp_path / "there", part_documents=10), Dies(tmp_path / "killed", once=True))

    assert (tmp_path / "killed").read_text() == "x"
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_a_part_that_kills_every_actor_ends_the_job_and_what_is_done_stays(
    write: WriteRows, tmp_path: Path
) -> None:
    source = write("in.jsonl", some_rows())
    job = BatchJob(source, tmp_path / "out", part_documents=10)

    with pytest.raises(InferenceError, match="An actor of Ray died 4 times"):
        on_ray(job, Dies(tmp_path / "killed", once=False), actors=1)
    assert (tmp_path / "killed").read_text() == "xxxx"
    assert len([*(tmp_path / "out").glob("part-*")]) == 3


def test_what_the_model_raises_is_raised_here(write: WriteRows, tmp_path: Path) -> None:
    class Refuses(LexicalReranker):
        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            raise InferenceError("the weights are gone", hint="Look for them.")

    with pytest.raises(InferenceError, match="the weights are gone Look for them") as raised:
        on_ray(BatchJob(write("in.jsonl", some_rows()), tmp_path / "out"), Refuses())
    assert type(raised.value) is InferenceError


def test_a_machine_that_computes_otherwise_is_refused(
    write: WriteRows,
    tmp_path: Path,
) -> None:
    class Kind(LexicalReranker):
        def __reduce__(self) -> Any:
            return Kind, ("elsewhere",)

        def __init__(self, place: str = "here") -> None:
            super().__init__()
            self.fingerprint = place

    with pytest.raises(InvalidRequestError, match=r"'elsewhere'.*this machine with.*'here'"):
        on_ray(BatchJob(write("in.jsonl", some_rows()), tmp_path / "out"), Kind())


def test_the_command_ranks_on_the_cluster(write: WriteRows, tmp_path: Path) -> None:
    source = write("in.jsonl", some_rows())
    run_batch(BatchJob(source, tmp_path / "here"), MODEL)

    shown = localrank("batch", str(source), str(tmp_path / "there"), "-m", MODEL, "--ray")

    assert (shown.code, contents(tmp_path / "there")) == (0, contents(tmp_path / "here"))
