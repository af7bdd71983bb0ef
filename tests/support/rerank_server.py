"""A real HTTP server on loopback that plays a rerank service, well or badly as a test scripts it.

In a test:

    with RerankServer("cohere") as server:
        server.script(Turn(status=429, headers={"Retry-After": "1"}), Turn(reset="body"))   # the next two requests
        …                                                                                    # then it answers well
        server.requests[0].body["documents"]

In a process of its own: `python -m tests.support.rerank_server --dialect cohere --latency 0.02` prints its address, and
`GET /stats` tells what it saw.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from tests.support.decision_answers import answer, error
from tests.support.rerank_answers import Refused

_REASONS = {200: "OK", 302: "Found", 307: "Temporary Redirect", 400: "Bad Request", 429: "Too Many Requests"}


@dataclass(frozen=True, slots=True)
class Turn:
    """How one request is answered.

    Attributes:
        status: Of the answer; anything but 200 gets an error body in the vendor's shape.
        headers: Of the answer, over those it has anyway.
        body: Bytes, or a function of the good answer that returns what is sent instead; None for the usual.
        before_headers: Seconds of silence before the first byte.
        before_body: Seconds between the headers with half of the body and the rest.
        reset: Reset the connection: `headers` before any byte, `body` after half of the body.
        echo_key: Put the request's authorization into the error message, as careless servers do.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Callable[[Any], Any] | None = None
    before_headers: float = 0.0
    before_body: float = 0.0
    reset: Literal["headers", "body"] | None = None
    echo_key: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came over the wire; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float


class RerankServer:
    """The server, in a thread of its own while the `with` block runs.

    Args:
        dialect: Whose shapes it speaks: `cohere`, `cohere-v1`, `jina`, `vllm`, `voyage`, `mixedbread`, `pinecone`, `tei`,
            or a decision model's: `systemone`, `openrouter-systemone`, `decisions`.
        latency: Seconds before every answer.
        choose: Picks the turn of each request where none is scripted.
        tls: Speak https with this context.

    Attributes:
        requests: What came, in order.
        disconnects: Times (monotonic) at which a client left before its answer was complete.
        connections: Connections accepted so far.
        open: Connections open now.
        most_in_flight: The largest number of requests that were being answered at once.
    """

    def __init__(
        self,
        dialect: str = "cohere",
        *,
        latency: float = 0.0,
        choose: Callable[[Seen], Turn] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.dialect = dialect
        self.latency = latency
        self.requests: list[Seen] = []
        self.disconnects: list[float] = []
        self.connections = 0
        self.open = 0
        self.most_in_flight = 0
        self._in_flight = 0
        self._choose = choose or (lambda _: Turn())
        self._tls = tls
        self._turns: deque[Turn] = deque()
        self._ready = threading.Event()
        self._port = 0

    @property
    def url(self) -> str:
        """The server's address, without a path."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def script(self, *turns: Turn) -> None:
        """Set how the next requests are answered, one turn each."""
        self._turns.extend(turns)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def wait_until(self, condition: Callable[[], bool], seconds: float = 5.0) -> bool:
        """Return whether `condition` came true in time: what the server notices comes a moment after the client's side."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.002)
        return True

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            self.connections += 1
            self.open += 1
            try:
                with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                    await self._talk(reader, writer)
            finally:
                self.open -= 1
                tasks.discard(task)
                writer.close()

        server = await asyncio.start_server(
            connected, "127.0.0.1", self._port, limit=2**26, backlog=512, ssl=self._tls
        )
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(list(tasks), timeout=2)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (seen := await _read(reader)) is not None:
            if seen.path == "/stats":
                self.connections -= 1  # a connection of who asks, not of a client
                await _send(writer, 200, {}, json.dumps(self._stats()).encode())
                continue
            self.requests.append(seen)
            turn = self._turns.popleft() if self._turns else self._choose(seen)
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            try:
                going_on = await self._take(turn, seen, reader, writer)
            finally:
                self._in_flight -= 1
            if not going_on:
                return

    async def _take(
        self, turn: Turn, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if not await self._stays(reader, self.latency + turn.before_headers):
            return False
        if turn.reset == "headers":
            return _reset(writer)
        status, body = self._body(turn, seen)
        if turn.reset is None and not turn.before_body:
            await _send(writer, status, turn.headers, body)
            return True
        half = len(body) // 2
        await _send(writer, status, turn.headers, body[:half], length=len(body))
        if turn.reset == "body":
            return _reset(writer)
        if not await self._stays(reader, turn.before_body):
            return False
        writer.write(body[half:])
        await writer.drain()
        return True

    async def _stays(self, reader: asyncio.StreamReader, seconds: float) -> bool:
        """Wait, and say whether the client is still there."""
        if seconds <= 0:
            return True
        try:
            await asyncio.wait_for(reader.read(1), seconds)
        except TimeoutError:
            return True
        except ConnectionError:
            pass
        self.disconnects.append(time.monotonic())
        return False

    def _body(self, turn: Turn, seen: Seen) -> tuple[int, bytes]:
        key = seen.headers.get("authorization") or seen.headers.get("api-key", "")
        if isinstance(turn.body, bytes):
            return turn.status, turn.body
        if turn.status != 200:
            message = f"refused with {key}" if turn.echo_key else f"the scripted answer {turn.status}"
            return turn.status, error(self.dialect, turn.status, message)
        try:
            good = answer(self.dialect, seen.path, seen.headers, seen.body)
        except Refused as refusal:
            return refusal.status, error(self.dialect, refusal.status, refusal.message)
        return 200, json.dumps(turn.body(good) if turn.body else good).encode()

    def _stats(self) -> dict[str, int]:
        return {
            "requests": len(self.requests),
            "disconnects": len(self.disconnects),
            "connections": self.connections,
            "open": self.open - 1,
            "in_flight": self._in_flight,
            "most_in_flight": self.most_in_flight,
        }


async def _read(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    method, path, _ = first.split(" ", 2)
    is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    body = content.decode() if is_form else json.loads(content) if content else None
    return Seen(method, path, headers, body, time.monotonic())


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    length: int | None = None,
) -> None:
    lines = {
        "content-type": "application/json",
        "x-request-id": "req-1",
        **headers,
        "content-length": str(len(body) if length is None else length),
    }
    head = f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    writer.write(head.encode("latin-1") + body)
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> bool:
    """Send RST instead of FIN."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


def faulty(rate: float, seed: int) -> Callable[[Seen], Turn]:
    """Return a chooser that spoils `rate` of the requests: 429, 500 or a reset, in equal parts."""
    dice = random.Random(seed)
    faults = (
        Turn(status=429, headers={"retry-after-ms": "5"}),
        Turn(status=500, headers={"retry-after-ms": "5"}),
        Turn(reset="headers"),
        Turn(reset="body"),
    )
    weights = (2, 2, 1, 1)

    def choose(seen: Seen) -> Turn:
        return dice.choices(faults, weights)[0] if dice.random() < rate else Turn()

    return choose


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description="A rerank service on loopback.")
    parser.add_argument("--dialect", default="cohere")
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--fault-rate", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    choose = faulty(chosen.fault_rate, chosen.seed) if chosen.fault_rate else None
    with RerankServer(chosen.dialect, latency=chosen.latency, choose=choose) as server:
        print(server.url, flush=True)  # noqa: T201
        with contextlib.suppress(EOFError):
            while True:
                input()


if __name__ == "__main__":
    main()
