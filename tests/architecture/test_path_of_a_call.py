"""One warm call stays short to read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("path_of_a_call.py")
MOST_FILES = 24
MOST_MOVES = 80


def test_a_warm_call_of_the_embedded_model_runs_through_few_files() -> None:
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True, timeout=100)
    counted = re.search(r"^(\d+) files, (\d+) moves$", done.stdout, re.MULTILINE)
    assert counted is not None

    files, moves = map(int, counted.groups())

    assert "localrank/calling/rerank.py" in done.stdout
    assert "localrank_transformers/call/call.py" in done.stdout
    assert files <= MOST_FILES, done.stdout
    assert moves <= MOST_MOVES, done.stdout
