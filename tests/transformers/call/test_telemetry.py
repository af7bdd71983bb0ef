"""Ranking locally leaves no trace: ONNX Runtime's telemetry is off unless the user turns it on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RANK = """
from localrank import rerank_sync
from localrank_transformers import OnnxReranker
print(rerank_sync(OnnxReranker(), "What is RAG?", ["Paris is a city."])[0].index)
"""
CONTROLS = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED", "XDG_CACHE_HOME")


def files_left_in(home: Path, **environment: str) -> list[Path]:
    inherited = {name: value for name, value in os.environ.items() if name not in CONTROLS}
    done = subprocess.run(
        [sys.executable, "-c", RANK],
        env={**inherited, "HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("0\n", 0), done.stderr
    return [path for path in home.rglob("*") if path.is_file()]


@pytest.mark.skipif(sys.platform == "win32", reason="the folder looked at is that of other systems")
def test_ranking_writes_no_identifier_and_no_queue_of_events(tmp_path: Path) -> None:
    assert files_left_in(tmp_path) == []


def test_what_the_user_has_set_stands() -> None:
    command = "import os, localrank_transformers.engines; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}

    done = subprocess.run(
        [sys.executable, "-c", command], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "0\n"
