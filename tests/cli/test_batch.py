"""`localrank batch`: plans, asks, ranks, stops at Ctrl-C after a whole part, and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.batches.conftest import some_rows
from tests.support.rerank_server import RerankServer
from tests.support.shell import localrank


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in some_rows()), "utf-8")
    return path


def test_a_file_is_ranked_into_a_folder(source: Path, tmp_path: Path) -> None:
    shown = localrank("batch", str(source), str(tmp_path / "out"), "-m", "lexical:default")

    assert shown.code == 0
    assert json.loads(shown.out) == {
        "complete": True,
        "stopped": None,
        "resumed": 0,
        "rows": 60,
        "kept": 60,
        "rejected": 0,
        "documents": 60,
        "parts": 1,
        "dollars": 0.0,
        "warnings": {},
    }
    assert "60 rows; 60 written in 1 part to" in shown.err


def test_what_the_model_warned_of_is_said_once_with_the_number_of_lists(source: Path, tmp_path: Path) -> None:
    shown = localrank(
        "batch", str(source), str(tmp_path / "out"), "-m", "lexical:default", "--instruction", "Be brief."
    )

    assert shown.code == 0
    assert shown.err.count("lexical reads no instruction; it was ignored.") == 1
    assert "localrank: warning on 12 lists, on the first: lexical reads" in shown.err
    assert json.loads(shown.out)["warnings"] == {
        "unsupported": {"lists": 12, "first": "lexical reads no instruction; it was ignored."}
    }


def test_a_store_knows_afterwards_what_was_read(source: Path, tmp_path: Path) -> None:
    options = ("-m", "localrank-tiny", "--document-store", str(tmp_path / "store"))
    shown = localrank("batch", str(source), str(tmp_path / "out"), *options)
    facts = json.loads(localrank("store", "info", str(tmp_path / "store"), "--json").out)

    assert shown.code == 0
    assert facts["model"] == "localrank-tiny"
    assert facts["documents"] == len({row["text"] for row in some_rows()})


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            ("-m", "cohere:rerank-v3.5", "--ray"),
            "--max-cost cannot be held with --ray, which sends parts ahead",
        ),
        (("-m", "jina:another"), "--max-cost cannot be held: the price of jina:another is not known"),
        (("-m", "lexical:default", "--dry-run"), "runs here and costs nothing"),
    ],
)
def test_costs_that_cannot_be_held_are_refused_before_anybody_is_asked(
    options: tuple[str, ...], complaint: str, source: Path, tmp_path: Path
) -> None:
    command = ("batch", str(source), str(tmp_path / "out"), "--max-cost", "1", *options)
    shown = localrank(*command, JINA_API_KEY="k", CO_API_KEY="k")

    assert shown.code == 2
    assert complaint in shown.err
    assert "Nobody is there to be asked" not in shown.err


def test_a_store_that_the_model_does_not_use_is_refused_by_the_option(source: Path, tmp_path: Path) -> None:
    store = ("--document-store", str(tmp_path / "store"))
    shown = localrank("batch", str(source), str(tmp_path / "out"), "-m", "lexical:default", *store)

    assert shown.code == 2
    assert "--document-store is for a model that reads documents apart from the query" in shown.err
    assert "lexical:default" in shown.err


def test_a_dry_run_writes_no_store(source: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shown = localrank(
        "batch",
        str(source),
        str(tmp_path / "out"),
        "-m",
        "localrank-tiny",
        "--dry-run",
        "--document-store",
        str(store),
    )

    assert shown.code == 0, shown.err
    assert not store.exists()


def test_a_dry_run_says_what_it_takes_and_writes_nothing(source: Path, tmp_path: Path) -> None:
    shown = localrank("batch", str(source), str(tmp_path / "out"), "-m", "lexical:default", "--dry-run")
    planned = json.loads(shown.out)

    assert (planned["rows"], planned["queries"], planned["documents"]) == (60, 12, 60)
    assert planned["tokens"] > 0
    assert planned["seconds"] > 0
    assert not (tmp_path / "out").exists()


def test_a_dry_run_says_that_it_asked_no_cluster(source: Path, tmp_path: Path) -> None:
    shown = localrank(
        "batch", str(source), str(tmp_path / "out"), "-m", "lexical:default", "--dry-run", "--ray"
    )

    assert "on this machine alone; no cluster was asked" in shown.err


def test_a_dry_run_says_where_no_price_is_known(source: Path, tmp_path: Path) -> None:
    shown = localrank(
        "batch", str(source), str(tmp_path / "out"), "-m", "jina:another", "--dry-run", JINA_API_KEY="k"
    )

    assert "the price is not known" in shown.err


def test_an_input_without_rows_is_said(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").touch()
    shown = localrank("batch", str(tmp_path / "in.jsonl"), str(tmp_path / "out"), "-m", "lexical:default")

    assert (shown.code, json.loads(shown.out)["rows"]) == (0, 0)
    assert "in.jsonl has no rows" in shown.err


def test_a_remote_model_is_asked_for_first_and_priced(source: Path, tmp_path: Path) -> None:
    with RerankServer() as server:
        model = f"cohere:rerank-v3.5@{server.url}"
        dry = localrank("batch", str(source), str(tmp_path / "out"), "-m", model, "--dry-run")
        refused = localrank("batch", str(source), str(tmp_path / "out"), "-m", model)
        sent_before = len(server.requests)
        agreed = localrank("batch", str(source), str(tmp_path / "out"), "-m", model, "--yes")

    assert json.loads(dry.out)["dollars"] == pytest.approx(12 * 2.00 / 1_000)
    assert (refused.code, sent_before) == (2, 0)
    assert "60 candidates of 12 queries" in refused.err
    assert "--yes" in refused.err
    assert (agreed.code, len(server.requests)) == (0, 12)


def test_a_job_stops_before_it_costs_too_much_and_goes_on_with_more(source: Path, tmp_path: Path) -> None:
    with RerankServer() as server:
        command = [
            "batch",
            str(source),
            str(tmp_path / "out"),
            "-m",
            f"cohere:rerank-v3.5@{server.url}",
            "--yes",
        ]
        command += ["--part-documents", "10", "--max-cost"]
        stopped = localrank(*command, "0.0109")
        sent = len(server.requests)
        still = localrank(*command, "0.0109")
        sent_still = len(server.requests)
        rest = localrank(*command, "1")

        assert (sent, sent_still, len(server.requests)) == (4, 4, 12)
    assert (stopped.code, still.code, rest.code) == (6, 6, 0)
    assert json.loads(stopped.out)["dollars"] == pytest.approx(4 * 2.00 / 1_000)
    assert json.loads(stopped.out)["stopped"] == "max_cost"
    assert "the next would pass --max-cost 0.0109. The same command with more goes on" in stopped.err
    assert "for about $0.0240" in rest.err


def test_a_model_in_a_wrapper_is_asked_for_and_priced_too(source: Path, tmp_path: Path) -> None:
    with RerankServer() as server:
        model = f"limited:(cohere:rerank-v3.5@{server.url},rate=1000)"
        refused = localrank("batch", str(source), str(tmp_path / "out"), "-m", model)

        assert server.requests == []
    assert refused.code == 2
    assert "60 candidates of 12 queries" in refused.err
    assert "about $0.0240 at the list price" in refused.err


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("lexical:default", "runs here and costs nothing"),
        ("jina:some-model", "the price of jina:some-model is not known"),
    ],
)
def test_a_limit_of_cost_that_cannot_be_held_is_refused(
    model: str, named: str, source: Path, tmp_path: Path
) -> None:
    refused = localrank(
        "batch", str(source), str(tmp_path / "out"), "-m", model, "--yes", "--max-cost", "1", JINA_API_KEY="k"
    )

    assert refused.code == 2
    assert named in refused.err
    assert not (tmp_path / "out").exists()


def test_a_run_is_ranked_by_a_collection_or_by_two_files(tmp_path: Path) -> None:
    (tmp_path / "first.run").write_text("q Q0 a 1 2 x\nq Q0 b 2 1 x\n", "utf-8")
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "boat"}\n', "utf-8")
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "a", "text": "a mill"}\n{"_id": "b", "text": "a boat"}\n', "utf-8"
    )
    (tmp_path / "documents.tsv").write_text("a\ta mill\nb\ta boat\n", "utf-8")
    run, model = str(tmp_path / "first.run"), ("-m", "lexical:default")
    queries, documents = str(tmp_path / "queries.jsonl"), str(tmp_path / "documents.tsv")
    folder = localrank("batch", run, str(tmp_path / "one"), *model, "--collection", str(tmp_path))
    files = localrank(
        "batch", run, str(tmp_path / "two"), *model, "--queries-file", queries, "--documents", documents
    )
    half = localrank("batch", run, str(tmp_path / "three"), *model, "--queries-file", queries)
    neither = localrank("batch", run, str(tmp_path / "three"), *model)

    assert (folder.code, files.code, half.code, neither.code) == (0, 0, 2, 3)
    assert (tmp_path / "one/part-00000.run").read_text("utf-8").split()[2] == "b"
    assert (tmp_path / "one/part-00000.run").read_bytes() == (tmp_path / "two/part-00000.run").read_bytes()
    assert "needs both --queries-file and --documents" in half.err
    assert "--collection FOLDER" in neither.err


def test_a_job_of_which_nothing_could_be_ranked_ends_with_a_code(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"query": null, "text": "t"}\n', "utf-8")
    shown = localrank("batch", str(tmp_path / "in.jsonl"), str(tmp_path / "out"), "-m", "lexical:default")

    assert shown.code == 3
    assert "No row could be ranked" in shown.err


def test_another_job_is_refused_and_begun_anew_on_request(source: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    localrank("batch", str(source), out, "-m", "lexical:default")
    refused = localrank("batch", str(source), out, "-m", "lexical:default", "--top-k", "2")
    anew = localrank("batch", str(source), out, "-m", "lexical:default", "--top-k", "2", "--fresh")

    assert refused.code == 2
    assert "--top-k was not given and is 2" in refused.err
    assert "the same command goes on" not in refused.err
    assert json.loads(anew.out)["kept"] == 24


def test_rejects_are_counted_and_strict_ends_the_job(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"query": "q", "text": "t"}\n{"query": "q"}\n', "utf-8")
    told = localrank("batch", str(tmp_path / "in.jsonl"), str(tmp_path / "out"), "-m", "lexical:default")
    strict = localrank(
        "batch", str(tmp_path / "in.jsonl"), str(tmp_path / "out2"), "-m", "lexical:default", "--strict"
    )

    assert told.code == 0
    assert "1 row could not be ranked" in told.err
    assert strict.code == 3
    assert "row 2 cannot be ranked: the text is null" in strict.err


SLOW = """
import sys, time
from localrank import register_provider
from localrank.testing import LexicalReranker
class Slow(LexicalReranker):
    async def do_rerank(self, options):
        time.sleep(0.02)
        return await super().do_rerank(options)
register_provider("slow", lambda _: Slow())
from localrank.cli.main import main
sys.exit(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to a process here")
def test_ctrl_c_finishes_the_part_and_the_same_command_goes_on(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out"
    source.write_text("".join(json.dumps(row) + "\n" for row in some_rows(queries=60)), "utf-8")
    command = [
        sys.executable,
        "-c",
        SLOW,
        "batch",
        str(source),
        str(out),
        "-m",
        "slow:1",
        "--part-documents",
        "12",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not (out / "part-00000.jsonl").exists() and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    report = json.loads(stdout)
    rest = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert process.returncode == 130
    assert "finishing this part" in stderr
    assert not report["complete"]
    assert report["rows"] == report["kept"] == 15 * report["parts"]
    assert json.loads(rest.stdout)["resumed"] == report["rows"]
    assert json.loads(rest.stdout)["complete"]
