"""A server on loopback that sends bytes as they are, for answers that no HTTP library would send.

In a test:

    with RawServer(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")) as server:
        ...
        server.requests[0]          # the head of the first request
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable
from typing import Self

__all__ = ["RawServer", "endless", "good", "head"]


class RawServer:
    """The server, in threads of its own while the `with` block runs.

    Args:
        answer: Called with each connection once a request is read; may go on for ever, since sending fails when the client
            leaves or the block ends. The connection is closed after it.
        reads_first: Read a request before; without it the answer is called at once.

    Attributes:
        requests: The heads that came, as text.
        left: Set when a client left before its answer was whole.
    """

    def __init__(self, answer: Callable[[socket.socket], object], *, reads_first: bool = True) -> None:
        self._answer = answer
        self._reads_first = reads_first
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.requests: list[str] = []
        self.left = threading.Event()
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)

    def _accept(self) -> None:
        threads = []
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
                threads[-1].start()
        for thread in threads:
            thread.join(10)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                if not self._reads_first or self._read(connection):
                    self._answer(connection)
        except OSError:
            self.left.set()

    def _read(self, connection: socket.socket) -> bool:
        content = b""
        while b"\r\n\r\n" not in content:
            if not (piece := connection.recv(65_536)):
                return False
            content += piece
        lines, _, body = content.partition(b"\r\n\r\n")
        self.requests.append(lines.decode("latin-1"))
        named = [line for line in lines.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        wanted = int(named[0].split(b":")[1]) if named else 0
        while len(body) < wanted:
            body += connection.recv(65_536)
        return True


def head(status: str = "200 OK", *lines: str) -> bytes:
    """Return the head of an answer."""
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode("latin-1")


def good(body: bytes, *lines: str) -> bytes:
    """Return a whole answer."""
    return head("200 OK", "content-type: application/json", f"content-length: {len(body)}", *lines) + body


def endless(start: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    """Return an answer that begins with `start` and goes on with `piece` until the client leaves."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(start)
        for part in itertools.repeat(piece):
            connection.sendall(part)

    return answer
