"""A process without a home, a name or a place to write to loads a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import tiny_encoders, tiny_models

RANK = """
import os, sys
if hasattr(os, "setresuid") and os.geteuid() == 0:
    os.setresuid(54_321, 0, 0)  # nobody's number, by which a home is looked up
from localrank import rerank_sync
from localrank_transformers import OnnxReranker
rerank_sync(OnnxReranker(sys.argv[1]), "what is rag", ["a city"])
rerank_sync(OnnxReranker(), "what is rag", ["a city"])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="tells homes otherwise")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("home", [None, "/nonexistent", "/proc"])
@pytest.mark.parametrize("makes_faster", [True, False])
def test_a_folder_is_loaded_without_a_home(tmp_path: Path, home: str | None, makes_faster: bool) -> None:
    if makes_faster:  # a graph of a kind that is exchanged for a faster one, which would be kept at home
        folder = tiny_models.build(tmp_path / "m")
        tiny_encoders.build(tmp_path / "weights", "bert")
        (folder / "config.json").write_bytes((tmp_path / "weights/config.json").read_bytes())
    else:
        folder = tiny_models.build(tmp_path / "m", style="roberta")
    dropped = {"HOME", "USER", "LOGNAME", "LOCALRANK_CACHE", "XDG_CACHE_HOME", "HF_HOME"}
    env = {name: value for name, value in os.environ.items() if name not in dropped}
    env |= {} if home is None else {"HOME": home}
    run = subprocess.run(
        [sys.executable, "-c", RANK, str(folder)],
        capture_output=True,
        text=True,
        env=env,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
