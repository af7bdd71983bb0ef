"""What a person sees of an error whose cause says nothing new: one traceback, and the error's own words at its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = {
    "a hub that cannot be reached": (
        "from localrank import RetryPolicy, rerank_sync\n"
        "rerank_sync('onnx:acme/reranker', 'q', ['a'], retry=RetryPolicy(initial_delay=0))",
        "3 attempts failed; the last with ModelLoadError: acme/reranker could not be fetched from http://127.0.0.1:1",
    ),
    "a configuration that is not there": (
        "from localrank import resolve\nresolve('toml:nowhere.toml')",
        "nowhere.toml cannot be read as TOML (FileNotFoundError",
    ),
    "a package that is not installed": (
        "import sys; sys.modules['bm25s'] = None\n"
        "from localrank.evaluation import Collection, first_stage_of\n"
        "first_stage_of(Collection('c', {'q': 'q'}, {'d': 'd'}, {'q': {'d': 1}}))",
        'pip install "localrank[eval]"',
    ),
    "a wrong keyword": (
        "from localrank import rerank_sync\nrerank_sync('localrank-mini', 'q', ['a'], topk=3)",
        "unexpected keyword argument 'topk'",
    ),
}
MOST_LINES = 60


@pytest.mark.parametrize("case", CASES)
def test_an_error_is_one_traceback(tmp_path: Path, case: str) -> None:
    code, words = CASES[case]
    environment = {
        **os.environ,
        "HF_ENDPOINT": "http://127.0.0.1:1",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    shown = done.stderr.splitlines()

    assert done.stderr.count("Traceback (most recent call last)") == 1, done.stderr
    assert len(shown) <= MOST_LINES, done.stderr
    assert words in shown[-1]
