"""Servers under measurement: each a process of its own, which ends with this one whatever ends this one."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

from benchmarks.speed.workloads import DocumentSet

__all__ = ["Server", "ask", "infinity", "ours"]

_DIES_WITH_PARENT = 1
"""`PR_SET_PDEATHSIG` of Linux: a benchmark that is killed leaves no server behind."""

_START_S = 600.0

_PATIENCE_S = 600
"""A machine that others keep busy makes figures worthless, and yet no request fails."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server under measurement.

    Attributes:
        url: Where it listens.
        path: Where it ranks.
        process: Its process.
        model: What its requests have to name, if anything.
    """

    url: str
    path: str
    process: psutil.Process
    model: str | None = None

    def depth(self) -> float:
        """Return the requests that are accepted and unfinished; ours alone."""
        page = httpx2.get(f"{self.url}/metrics", timeout=60).text
        found = re.search(r"^localrank_queue_depth (\S+)", page, re.MULTILINE)
        assert found is not None
        return float(found[1])

    def memory(self) -> int:
        """Return the resident bytes of the process and its children."""
        return sum(one.memory_info().rss for one in [self.process, *self.process.children(recursive=True)])


def ask(client: httpx2.Client, server: Server, documents: DocumentSet) -> None:
    """Rank with the server."""
    body = {"query": documents.query, "documents": list(documents.documents)}
    named = body if server.model is None else {**body, "model": server.model}
    answer = client.post(f"{server.url}{server.path}", json=named)
    answer.raise_for_status()
    assert len(answer.json()["results"]) == len(documents.documents)


@contextmanager
def ours(*arguments: str) -> Iterator[Server]:
    """Run `localrank serve`, its models loaded."""
    command = [sys.executable, "-m", "localrank", "serve", "--port", "0", "--preload"]
    command += ["--timeout", str(_PATIENCE_S), *arguments]
    with _running(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = next(
            (found for found in (re.search(r"http://\S+", line) for line in process.stderr) if found), None
        )
        assert said is not None, "the server ended"
        drain = threading.Thread(target=process.stderr.read, daemon=True)  # its log must not fill the pipe
        drain.start()
        yield Server(said[0], "/v1/rerank", psutil.Process(process.pid))


@contextmanager
def infinity(program: Path, model: str) -> Iterator[Server]:
    """Run infinity-emb with the weights of the folder `model`, on torch, without its usage reports and remote code."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(program), "v2", "--model-id", model, "--engine", "torch", "--device", "cpu"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-trust-remote-code"]
    command += ["--served-model-name", "served", "--log-level", "error", "--no-model-warmup"]
    with _running(command, stderr=subprocess.DEVNULL) as process:
        server = Server(f"http://127.0.0.1:{port}", "/rerank", psutil.Process(process.pid), "served")
        end = time.monotonic() + _START_S
        while not _answers(server.url):
            assert process.poll() is None, "infinity-emb ended"
            assert time.monotonic() < end, "infinity-emb never listened"
            time.sleep(0.2)
        yield server


def _answers(url: str) -> bool:
    with suppress(httpx2.HTTPError):
        return httpx2.get(f"{url}/health", timeout=5).status_code == 200
    return False


@contextmanager
def _running(command: list[str], *, stderr: int) -> Iterator[subprocess.Popen[str]]:
    quiet = {"DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
        env={**os.environ, **quiet},
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
    )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
