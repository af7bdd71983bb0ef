"""Bytes from a hub, of which none is trusted: bounded in number and time and by the room on the disk, checked against a sum.

A mirror may announce two kilobytes and send without end, send a byte a second, or answer each continuation from the beginning.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from localrank.contract.errors import ModelLoadError, RerankAbortedError
from localrank.providers.beside import start
from localrank.providers.loading import ShouldStop
from localrank_transformers.models.folder.safety.names import check_size

__all__ = ["FIRST_ANSWER_S", "NO_SUCH_RANGE", "Answer", "Download", "Get", "read_listing", "within"]

T = TypeVar("T")

LARGEST_LISTING = 8 << 20
"""Bytes; room for the names of a hundred thousand files."""

FIRST_ANSWER_S = 60.0
"""Seconds until an answer begins, however its headers trickle in."""

SLOWEST_BYTES_A_SECOND = 1_024
GRACE_S = 60.0
"""Seconds before the speed counts."""

_ATTEMPTS = 5
_BETWEEN_ATTEMPTS_S = 1.0
_POLL_S = 0.05
_CHUNK = 1 << 20
NO_SUCH_RANGE = 416
"""The answer to a request for the bytes after the last."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """An answer whose body is still to be read.

    Attributes:
        status: The HTTP status.
        headers: By any case of their names.
        pieces: The body, as it arrives.
        url: The address that answered.
    """

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]
    url: str


Get = Callable[[int], AbstractContextManager[Answer]]
"""Ask for the bytes from a position on; leaving the block closes the connection."""


def within(
    seconds: float,
    work: Callable[[], T],
    should_stop: ShouldStop,
    what: str,
    undo: Callable[[T], object] | None = None,
) -> T:
    """Return what `work` returns, or leave it to itself: no client bounds the time until an answer's headers are whole.

    Args:
        seconds: How long to wait.
        work: A request.
        should_stop: Polled meanwhile.
        what: What is asked for, for the error.
        undo: Called with a result that comes too late.

    Raises:
        ModelLoadError: It takes longer.
        RerankAbortedError: `should_stop` became true.
        InferenceError: No thread could be started.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    lock, ended = threading.Lock(), threading.Event()
    is_left = False

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # raised again below, where it is waited for
            errors.append(error)
        else:
            with lock:
                results.append(result)
                too_late = is_left
            if too_late and undo is not None:
                undo(result)
        ended.set()

    start(threading.Thread(target=run, name="localrank-hub", daemon=True))
    ends = time.monotonic() + seconds
    while not ended.wait(_POLL_S) and not should_stop() and time.monotonic() < ends:
        pass
    with lock:
        is_left = not results and not errors
    if errors:
        raise errors[0]
    if results:
        return results[0]
    if should_stop():
        raise RerankAbortedError(f"The request for {what} was stopped.")
    raise slow(what, f"no answer began within {seconds:g} s")


def read_listing(answer: Answer, should_stop: ShouldStop, what: str) -> bytes:
    """Return the body of a listing.

    Raises:
        ModelLoadError: It is larger than any listing, or comes too slowly.
        RerankAbortedError: `should_stop` became true.
    """
    content = bytearray()
    for piece in _paced(answer.pieces, should_stop, what):
        content += piece
        if len(content) > LARGEST_LISTING:
            raise ModelLoadError(
                f"The hub's answer about {what} is larger than any listing: it was not read on after {len(content):,} bytes.",
                hint="Check HF_ENDPOINT, and whether a proxy is in between.",
            )
    return bytes(content)


@dataclass(frozen=True, slots=True, repr=False)
class Download:
    """One file of a hub.

    Attributes:
        get: Asks for its bytes.
        size: How many were announced; None where that was not said.
        name: Its name.
        should_stop: Polled meanwhile.
        is_broken_line: Whether an exception of the client is a line that broke, which another attempt may mend.
        progress: Called with the bytes that are here; the block calls what it gets with those that come.
    """

    get: Get
    size: int | None
    name: str
    should_stop: ShouldStop
    is_broken_line: Callable[[Exception], bool]
    progress: Callable[[int], AbstractContextManager[Callable[[int], object]]]

    def into(self, blob: Path) -> None:
        """Write the file called by its ETag; what an earlier download left is continued, and begun anew where it is wrong.

        Raises:
            ModelLoadError: It is not what was announced, there is no room for it, or it comes too slowly.
            RerankAbortedError: `should_stop` became true; what came is kept.
        """
        part = blob.with_name(f"{blob.name}.localrank.incomplete")
        continued = part.exists() and part.stat().st_size > 0
        self._transfer(part)
        if continued and not self._is_intact(part, blob.name):
            part.unlink()
            self._transfer(part)
        if not self._is_intact(part, blob.name):
            part.unlink()
            error = ModelLoadError(
                f"The file {self.name} arrived damaged: its checksum is not the one that the hub announced.",
                hint="Call again; if it stays so, a proxy or mirror alters files.",
            )
            error.is_retryable = True
            raise error
        part.replace(blob)

    def _transfer(self, part: Path) -> None:
        """Fetch what is missing, in as many attempts as bring something new."""
        furthest, left = 0, _ATTEMPTS
        with part.open("ab") as stream:
            if self.size is not None and stream.tell() > self.size:
                stream.truncate(0)
            while self.size is None or stream.seek(0, io.SEEK_END) < self.size:
                try:
                    with self.get(stream.seek(0, io.SEEK_END)) as answer:
                        if answer.status == NO_SUCH_RANGE:
                            stream.truncate(0)
                            continue
                        self._write(answer, stream)
                        return
                except Exception as error:
                    here = stream.seek(0, io.SEEK_END)
                    left = _ATTEMPTS if here > furthest + _CHUNK else left - 1
                    furthest = max(furthest, here)
                    if left == 0 or not self.is_broken_line(error):
                        raise
                self._pause()

    def _write(self, answer: Answer, stream: BinaryIO) -> None:
        here = stream.seek(0, io.SEEK_END)
        if here and not answer.headers.get("content-range", "").startswith(f"bytes {here}-"):
            stream.truncate(0)  # the server begins at the beginning
            here = 0
        room = shutil.disk_usage(Path(stream.name).parent).free
        most = self.size if self.size is not None else here + room // 2
        if most - here > room:
            raise ModelLoadError(
                f"The file {self.name} has {most:,} bytes, and {room:,} are free where it is kept.",
                hint="Pass cache_dir=, or set HF_HUB_CACHE, to a folder with more room.",
            )
        with self.progress(here) as show:
            for piece in _paced(answer.pieces, self.should_stop, self.name):
                here += len(piece)
                if here > most:
                    stream.truncate(0)
                    raise _too_large(self.name, self.size)
                check_size(self.name, here)
                stream.write(piece)
                show(len(piece))
        if self.size is not None and here < self.size:
            raise slow(self.name, f"it ended after {here:,} of {self.size:,} bytes")

    def _pause(self) -> None:
        ends = time.monotonic() + _BETWEEN_ATTEMPTS_S
        while time.monotonic() < ends:
            _stop_if(self.should_stop, self.name)
            time.sleep(_POLL_S)

    def _is_intact(self, part: Path, etag: str) -> bool:
        """Whether the content has the sum that its ETag is; an ETag that is no sum says nothing."""
        if _SHA256.fullmatch(etag):
            return self._sum(part, hashlib.sha256()) == etag
        if _SHA1.fullmatch(etag):
            git = hashlib.sha1(b"blob %d\0" % part.stat().st_size, usedforsecurity=False)
            plain = hashlib.sha1(usedforsecurity=False)  # some mirrors announce the sum of the content alone
            return etag in {self._sum(part, git), self._sum(part, plain)}
        return True

    def _sum(self, part: Path, algorithm: hashlib._Hash) -> str:
        with part.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                algorithm.update(chunk)
                _stop_if(self.should_stop, self.name)
        return algorithm.hexdigest()


def _too_large(name: str, size: int | None) -> ModelLoadError:
    most = "half of the disk's free room" if size is None else f"the {size:,} bytes announced"
    return ModelLoadError(
        f"The file {name} is larger than {most}; it was not read on.",
        hint="Check HF_ENDPOINT, and whether a proxy is in between.",
    )


def slow(what: str, how: str) -> ModelLoadError:
    """Return the error for a hub that takes too long."""
    error = ModelLoadError(
        f"{what} could not be fetched: {how}.",
        hint="Check the connection, and call again; what was fetched is kept.",
    )
    error.is_retryable = True
    return error


def _paced(pieces: Iterator[bytes], should_stop: ShouldStop, what: str) -> Iterator[bytes]:
    """Yield the pieces of a body that nobody stopped and that comes at a speed that ends one day."""
    started, count = time.monotonic(), 0
    for piece in pieces:
        _stop_if(should_stop, what)
        count += len(piece)
        took = time.monotonic() - started
        if took > GRACE_S + count / SLOWEST_BYTES_A_SECOND:
            raise slow(what, f"{count:,} bytes came in {took:.0f} s")
        yield piece


def _stop_if(should_stop: ShouldStop, name: str) -> None:
    if should_stop():
        raise RerankAbortedError(f"The download of {name} was stopped; a later call continues it.")
