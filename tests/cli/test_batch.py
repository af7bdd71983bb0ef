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
    }
    assert "60 rows; 60 written in 1 parts" in shown.err


def test_a_dry_run_says_what_it_takes_and_writes_nothing(source: Path, tmp_path: Path) -> None:
    shown = localrank("batch", str(source), str(tmp_path / "out"), "-m", "lexical:default", "--dry-run")
    planned = json.loads(shown.out)

    assert (planned["rows"], planned["queries"], planned["documents"]) == (60, 12, 60)
    assert planned["tokens"] > 0
    assert planned["seconds"] > 0
    assert not (tmp_path / "out").exists()


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


def test_another_job_is_refused_and_begun_anew_on_request(source: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    localrank("batch", str(source), out, "-m", "lexical:default")
    refused = localrank("batch", str(source), out, "-m", "lexical:default", "--top-k", "2")
    anew = localrank("batch", str(source), out, "-m", "lexical:default", "--top-k", "2", "--fresh")

    assert refused.code == 3
    assert "top_k was None and is 2" in refused.err
    assert json.loads(anew.out)["kept"] == 24


def test_rejects_are_counted_and_strict_ends_the_job(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"query": "q", "text": "t"}\n{"query": "q"}\n', "utf-8")
    told = localrank("batch", str(tmp_path / "in.jsonl"), str(tmp_path / "out"), "-m", "lexical:default")
    strict = localrank(
        "batch", str(tmp_path / "in.jsonl"), str(tmp_path / "out2"), "-m", "lexical:default", "--strict"
    )

    assert told.code == 0
    assert "1 rows could not be ranked" in told.err
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
