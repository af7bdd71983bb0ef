"""Our application in each ASGI server that is installed, as a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2

from tests.support.serving import Client, wait_until

__all__ = ["LONG", "RUNNERS", "SHORT", "Runner", "depth", "leave", "missing", "running"]

Runner = tuple[tuple[str, ...], tuple[str, ...]]
"""The packages that it needs, and the command without the port."""

APP = "tests.support.served_app:app"
CHECKOUT = Path(__file__).parents[2]

RUNNERS: Mapping[str, Runner] = {
    "uvicorn h11": (
        ("uvicorn", "h11"),
        ("uvicorn", APP, "--http", "h11", "--log-level", "error", "--port"),
    ),
    "uvicorn httptools": (
        ("uvicorn", "httptools"),
        ("uvicorn", APP, "--http", "httptools", "--log-level", "error", "--port"),
    ),
    "hypercorn asyncio": (
        ("hypercorn",),
        ("hypercorn", APP, "-k", "asyncio", "--graceful-timeout", "60", "--bind"),
    ),
    "hypercorn trio": (
        ("hypercorn", "trio"),
        ("hypercorn", APP, "-k", "trio", "--graceful-timeout", "60", "--bind"),
    ),
    "granian asyncio": (
        ("granian",),
        ("granian", APP, "--interface", "asgi", "--loop", "asyncio", "--no-ws", "--port"),
    ),
}

SHORT = {"query": "What is said of ferries?", "documents": ["Ferries leave at nine.", "Eggs are boiled."]}
LONG = {
    "query": "What is said of ferries?",
    "documents": [f"Paragraph {n} on the harbour and its ferries. " * 20 for n in range(9_000)],
}
"""Seconds of work for two cores."""


def missing(name: str) -> str:
    """Return the package that is not installed, or ""."""
    return next((one for one in RUNNERS[name][0] if importlib.util.find_spec(one) is None), "")


@contextlib.contextmanager
def running(name: str) -> Iterator[tuple[Client, subprocess.Popen[bytes]]]:
    """Run it on a free port, with the model loaded."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    *command, last = RUNNERS[name][1]
    address = f"127.0.0.1:{port}" if last == "--bind" else str(port)
    process = subprocess.Popen(
        [sys.executable, "-m", *command, last, address],
        cwd=CHECKOUT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # some work in processes of their own
    )
    client = Client(f"http://127.0.0.1:{port}")
    try:
        wait_until(lambda: _is_up(client, process), 60)
        assert client.post("/v1/rerank", SHORT).status == 200
        yield client, process
    finally:
        client.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_up(client: Client, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the server ended"
    try:
        return client.get("/health").status == 200
    except httpx2.HTTPError:
        return False


def depth(client: Client) -> float:
    """Return how many requests are accepted and unfinished."""
    page = client.get("/metrics").body
    return float(
        next(line for line in page.splitlines() if line.startswith("localrank_queue_depth ")).split()[1]
    )


def leave(client: Client) -> float:
    """Send a long request, go away once it is accepted, and return when (`time.perf_counter`)."""
    connection = http.client.HTTPConnection(client.url.removeprefix("http://"), timeout=60)
    connection.request("POST", "/v1/rerank", json.dumps(LONG))
    wait_until(lambda: depth(client) == 1)
    connection.close()
    return time.perf_counter()
