"""`localrank train` under a real Ctrl-C: what it says, and that the named command goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")
pytest.importorskip("datasets")
pytest.importorskip("ir_measures")

from localrank import rerank_sync
from localrank_transformers import OnnxReranker
from tests.support.shell import Outcome, localrank

TINY = ("--layers", "1", "--hidden", "32", "--max-length", "32", "--batch-size", "2", "--device", "cpu")


def interrupted(at: str, *arguments: str) -> Outcome:
    """Run the command and send SIGINT when `at` is on standard error."""
    with subprocess.Popen(
        [sys.executable, "-m", "localrank", "train", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        shown = ""
        for line in process.stderr:
            shown += line
            if at in line:
                process.send_signal(signal.SIGINT)
                break
        shown += process.stderr.read()
        return Outcome(process.wait(60), process.stdout.read(), shown)


def data(path: Path) -> Path:
    lines = [{"query": f"q {n}", "positive": f"yes {n}", "negatives": [f"no {n}"]} for n in range(40)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.slow
def test_ctrl_c_before_the_first_step_says_to_begin_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "data.jsonl")  # nobody writes to it
    done = interrupted("… read", str(tmp_path / "data.jsonl"), "--out", str(tmp_path / "out"))
    assert (done.code, done.out) == (130, "")
    assert (
        done.err.strip().splitlines()[-1] == "Stopped before the first step; the same command begins again."
    )


@pytest.mark.slow
@pytest.mark.parametrize("at", ["  step 2/6", "measure and calibrate"])
def test_ctrl_c_names_the_command_that_goes_on(tmp_path: Path, at: str) -> None:
    out = str(tmp_path / "out")
    done = interrupted(at, str(data(tmp_path / "a.jsonl")), "--out", out, "--steps", "6", *TINY)
    assert (done.code, done.out) == (130, "")
    assert done.err.strip().splitlines()[-1].endswith(f"Go on with: localrank train --resume {out}")
    again = subprocess.run(
        [sys.executable, "-m", "localrank", "train", "--resume", out],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith(f"wrote {out}: nDCG@10")


def test_what_cannot_be_read_ends_as_it_does_in_the_other_commands_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"query": "q", "answer": "a"}\n')
    out = tmp_path / "out"
    for name, said in (
        ("a.jsonl", "a.jsonl:1: the keys are 'query', 'answer'"),
        ("b.jsonl", "cannot be read"),
    ):
        done = localrank("train", str(tmp_path / name), "--out", str(out))
        assert (done.code, done.out) == (3, "")
        assert said in done.err
        assert not out.exists()


@pytest.mark.slow
def test_the_faq_is_trained_on_without_other_data_to_measure_on(tmp_path: Path) -> None:
    faq = Path(__file__).parents[2] / "examples" / "faq" / "questions.jsonl"
    out = tmp_path / "out"
    done = localrank("train", str(faq), "--out", str(out), "--steps", "1", "--list-size", "2", *TINY)
    assert done.code == 0, done.err
    assert "train on 108 lists; 12 to measure on" in done.err
    assert len(rerank_sync(OnnxReranker(out), "how long can I keep a drill", ["nine days", "a saw"])) == 2
