"""Changes the source under a test and says which changes the test did not notice: `python -m tests.mutants [WORD …]`.

Each row of `targets.toml` names a file and the tests that must notice its changes; words choose rows. They run once as things
are and then once for each change, in a copy of this checkout. `--most N` bounds the changes of a row, spread evenly over the
file. A living mutant is either a change without an effect, or a test to write. Needs `fork`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.changes import Mutant, mutants

ROOT = Path(__file__).parents[2]
TARGETS = Path(__file__).with_name("targets.toml")
SHARED = ("anyio", "hypothesis", "numpy", "onnx", "pytest", "starlette", "tokenizers", "trio", "uvicorn")
"""Imported once; each run is a fork."""
PATIENCE = 6.0
"""Seconds after which a run counts as hanging, and its mutant as noticed, beyond three times the sound run."""


def main() -> int:
    """Try the rows, and print each living mutant and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--most", type=int, default=30)
    arguments = parser.parse_args()
    rows: dict[str, str] = tomllib.loads(TARGETS.read_text("utf-8"))
    chosen = {
        source: tests
        for source, tests in rows.items()
        if not arguments.words or any(word in source for word in arguments.words)
    }
    for name in SHARED:
        __import__(name)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "checkout")
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "results"))
        counts = [_row(copy, source, tests.split(), arguments.most) for source, tests in chosen.items()]
    print(f"{sum(made for made, _ in counts)} mutants, {sum(alive for _, alive in counts)} alive")  # noqa: T201
    return 0


def _row(copy: Path, source: str, tests: Sequence[str], most: int) -> tuple[int, int]:
    original = (copy / source).read_text("utf-8")
    changes = mutants(original)
    spread = (
        [changes[place * len(changes) // most] for place in range(most)] if len(changes) > most else changes
    )
    begun = time.monotonic()
    if not _passes(copy, tests, patience=600):
        print(f"{source}: {' '.join(tests)} fails as things are", flush=True)  # noqa: T201
        return 0, 0
    patience = PATIENCE + 3 * (time.monotonic() - begun)
    alive = [change for change in spread if _lives(copy, source, change, tests, patience)]
    (copy / source).write_text(original, "utf-8")
    print(f"{source}: {len(spread)} mutants, {len(alive)} alive", flush=True)  # noqa: T201
    for change in alive:
        print(f"    {source}:{change.line}: {change.change}", flush=True)  # noqa: T201
    return len(spread), len(alive)


def _lives(copy: Path, source: str, change: Mutant, tests: Sequence[str], patience: float) -> bool:
    (copy / source).write_text(change.source, "utf-8")
    return _passes(copy, tests, patience)


def _passes(copy: Path, tests: Sequence[str], patience: float) -> bool:
    child = os.fork()
    if not child:
        os.setsid()
        code = 1
        try:
            code = _run(copy, tests)
        finally:
            os._exit(code)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _run(copy: Path, tests: Sequence[str]) -> int:
    import pytest

    os.chdir(copy)
    os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1"}
    sys.dont_write_bytecode = True
    sys.path[:] = [str(copy), *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    options = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore:Module already imported"]
    return int(pytest.main([*options, *tests]))


if __name__ == "__main__":
    sys.exit(main())
