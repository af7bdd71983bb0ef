"""The examples for engines of clusters rank as localrank itself does, where the engine is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "scale"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("engine", ["ray", "daft", "pyspark"])
def test_both_queries_find_their_answer(engine: str) -> None:
    if find_spec(engine) is None:
        pytest.skip(f"needs {engine}")
    environment = {
        **os.environ,
        "PYTHONIOENCODING": "utf-8",
        "DO_NOT_TRACK": "true",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    if engine == "pyspark" and shutil.which("java") is None:
        pytest.skip("needs Java")
    script = EXAMPLES / f"with_{engine.removeprefix('py')}.py"

    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        env=environment,
        encoding="utf-8",
        check=False,
        timeout=280,
    )

    assert done.returncode == 0, done.stderr[-3_000:]
    ranks = [line for line in done.stdout.splitlines() if line.startswith(("river", "old"))]
    assert [line.split(" [")[0] for line in ranks] == ["river boats", "old mills"]
    assert ["[2, 1]" in ranks[0], "[1, 2]" in ranks[1]] == [True, True]
