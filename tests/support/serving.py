"""Our server on loopback, in a thread of the test's process or in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Client:
    """Asks one server, over connections that stay open. Safe from many threads."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx2.Client(timeout=60)

    def close(self) -> None:
        self._http.close()

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._reply(self._http.post(self.url + path, content=content, headers=_names(headers)))

    def get(self, path: str, **headers: str) -> Reply:
        return self._reply(self._http.get(self.url + path, headers=_names(headers)))

    def _reply(self, answer: httpx2.Response) -> Reply:
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return Reply(answer.status_code, answer.json() if is_json else answer.text, answer.headers)


def _names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@contextlib.contextmanager
def serving(app: Any, *, http: str = "h11") -> Iterator[Client]:
    """Serve `app` with uvicorn in a thread."""
    config = uvicorn.Config(
        app, port=0, log_level="error", ws="none", http=http, timeout_graceful_shutdown=10
    )  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="server-under-test")
    thread.start()
    try:
        wait_until(lambda: server.started)
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        with contextlib.closing(Client(f"http://{host}:{port}")) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), f"the server did not end: {_left_of(server, thread)}"


def _left_of(server: uvicorn.Server, thread: threading.Thread) -> str:
    """Return what a server that does not end may wait for."""
    state, cycles = server.server_state, [one.cycle for one in server.server_state.connections]
    asked = [cycle and (cycle.scope["path"], cycle.more_body, cycle.response_complete) for cycle in cycles]
    loops = {one.get_loop() for one in server.servers}
    tasks = [str(task) for loop in loops for task in asyncio.all_tasks(loop)]
    threads = [thread.name for thread in threading.enumerate()]
    stack = "".join(traceback.format_stack(sys._current_frames()[thread.ident or 0]))
    return (
        f"connections (path, body is coming, answered) {asked}, requests {state.tasks}, tasks {tasks}, threads {threads}, "
        f"its thread stands at\n{stack}"
    )


@contextlib.contextmanager
def serving_process(*arguments: str, **environment: str) -> Iterator[tuple[Client, subprocess.Popen[str]]]:
    """Run `localrank serve` in a process of its own, on a port that it chooses."""
    process = subprocess.Popen(
        [sys.executable, "-m", "localrank", "serve", "--port", "0", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        found = re.search(r"Listening on (http://\S+)", line)
        if found:
            break
    else:
        raise AssertionError(f"it never listened: {said}")
    client = Client(found[1])
    try:
        yield client, process
    finally:
        client.close()
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stderr.close()


def wait_until(holds: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait until `holds()` is true."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.01)


def logged(records: Iterable[logging.LogRecord], *ids: str) -> list[dict[str, Any]]:
    """Return the log's lines of these requests.

    A line is written once its answer is sent, so that one of a test before may come late.
    """
    lines = [json.loads(record.message) for record in records if record.name == "localrank.server.access"]
    return [line for line in lines if line["id"] in ids]
