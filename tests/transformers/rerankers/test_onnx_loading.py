"""Making a model: from any thread, at any time, and leaving no thread behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from localrank import ModelLoadError, rerank_sync
from localrank_transformers import OnnxReranker
from tests.support import tiny_models

OUTLIVING = """
import threading
from localrank import rerank_sync
from localrank_transformers import OnnxReranker

def work():
    threading.main_thread().join()
    print(len(rerank_sync(OnnxReranker("localrank-tiny"), "q", ["a", "b"])))

threading.Thread(target=work).start()
"""


def test_a_thread_that_outlives_the_main_thread_may_load() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OUTLIVING], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("2", "")


def test_a_tokenizer_that_is_refused_leaves_no_thread_that_makes_a_session(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m")
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    with pytest.raises(ModelLoadError, match=r"tokenizer\.json"):
        rerank_sync(OnnxReranker(folder), "q", ["a"])
    assert not [thread for thread in threading.enumerate() if thread.name == "localrank-load"]
