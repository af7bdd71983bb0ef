"""The loopback server of the remote benchmarks, in a process of its own, so that its work is not counted as the client's."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """Give the address of a server that runs until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.rerank_server", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(30)


def stats(url: str) -> dict[str, int]:
    """Return what the server saw."""
    with urllib.request.urlopen(f"{url}/stats", timeout=10) as answer:  # noqa: S310
        seen: dict[str, int] = json.loads(answer.read())
        return seen


def settled(url: str, name: str, value: int) -> int:
    """Return the server's figure `name` once it is `value`, or as it is after five seconds."""
    end = time.monotonic() + 5
    while (now := stats(url)[name]) != value and time.monotonic() < end:
        time.sleep(0.02)
    return now
