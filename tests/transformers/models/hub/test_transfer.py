"""A hub that sends without end, too slowly, or other than it announced costs bounded time, memory and disk."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import shutil
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from huggingface_hub import close_session, constants

from localrank.contract.errors import ModelLoadError, RerankAbortedError
from localrank_transformers.models.hub import connection, errors, transfer
from localrank_transformers.models.hub.download import cache_folder, fetch, look_up
from localrank_transformers.models.hub.store import HubStore
from tests.support.raw_server import RawServer, good, head

pytestmark = pytest.mark.usefixtures("hub")
REPO = "some-one/some-reranker"
COMMIT = "c" * 40
CONTENT = b'{"a": 1}' * 250
SUM = hashlib.sha256(CONTENT).hexdigest()

Body = Callable[[socket.socket, str], None]


def store() -> HubStore:
    return HubStore(cache_folder(None), REPO)


def stored() -> int:
    return sum(path.stat().st_size for path in store().root.rglob("*") if path.is_file())


def announced(size: int | None = len(CONTENT), *lines: str) -> bytes:
    length = [f"X-Linked-Size: {size}"] if size is not None else []
    return head("200 OK", f"X-Repo-Commit: {COMMIT}", f'ETag: "{SUM}"', *length, *lines)


@contextmanager
def mirror(
    monkeypatch: pytest.MonkeyPatch, body: Body, announcement: bytes | None = None
) -> Iterator[RawServer]:
    """A hub whose HEAD announces a file, and whose GET is `body`."""

    def answer(connection: socket.socket) -> None:
        request = server.requests[-1]
        if request.startswith("HEAD"):
            connection.sendall(announced() if announcement is None else announcement)
        else:
            body(connection, request)

    with RawServer(answer) as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield server


def without_end(start: bytes) -> Body:
    def body(connection: socket.socket, request: str) -> None:
        connection.sendall(start)
        for piece in itertools.repeat(b"x" * 65_536):
            connection.sendall(piece)

    return body


class Ending(NamedTuple):
    start: bytes
    size: int | None
    message: str


ENDLESS = {
    "more than announced": Ending(head("200 OK"), len(CONTENT), "larger than the 2,000 bytes announced"),
    "a false length": Ending(
        head("200 OK", "content-length: 99999999999"), len(CONTENT), "larger than the 2,000"
    ),
    "chunks": Ending(
        head("200 OK", "transfer-encoding: chunked") + b"7fffffff\r\n", len(CONTENT), "larger than the 2,000"
    ),
    "nothing announced": Ending(head("200 OK"), None, "at most 67,108,864 are read"),
    "an error page": Ending(head("500 No"), len(CONTENT), "HTTP 500"),
}


@pytest.mark.parametrize("ending", ENDLESS.values(), ids=ENDLESS)
def test_a_file_without_end_fills_neither_disk_nor_memory(
    ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mirror(monkeypatch, without_end(ending.start), announced(ending.size)):
        tracemalloc.start()
        with pytest.raises(ModelLoadError, match=ending.message):
            fetch(store(), REPO, COMMIT, "config.json")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert stored() <= 64 << 20
    assert most < 32 << 20


def test_a_file_of_unknown_kind_and_size_takes_half_of_the_room_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    with (
        mirror(monkeypatch, without_end(head("200 OK")), announced(None)),
        pytest.raises(ModelLoadError, match="larger than half of the disk's free room"),
    ):
        fetch(store(), REPO, COMMIT, "model.safetensors")

    assert stored() == 0


def test_a_file_for_which_there_is_no_room_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        mirror(monkeypatch, without_end(head("200 OK")), announced(1 << 60)),
        pytest.raises(
            ModelLoadError, match=r"1,152,921,504,606,846,976 bytes, and [\d,]+ are free.*cache_dir="
        ),
    ):
        fetch(store(), REPO, COMMIT, "model.safetensors")

    assert stored() == 0


def test_a_body_that_unpacks_to_more_than_announced_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(bytes(1 << 26))

    def body(connection: socket.socket, request: str) -> None:
        connection.sendall(good(packed, "content-encoding: gzip"))

    with (
        mirror(monkeypatch, body),
        pytest.raises(ModelLoadError, match="larger than the 2,000 bytes announced"),
    ):
        fetch(store(), REPO, COMMIT, "config.json")

    assert stored() == 0


@pytest.mark.parametrize("what", ["file", "listing"])
def test_a_byte_now_and_then_ends_in_an_error(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "GRACE_S", 0.2)

    def drip(connection: socket.socket, request: str) -> None:
        connection.sendall(head("200 OK", f"content-length: {len(CONTENT)}"))
        for byte in itertools.repeat(b"x"):
            connection.sendall(byte)
            time.sleep(0.01)

    with (
        mirror(monkeypatch, drip),
        pytest.raises(ModelLoadError, match=r"could not be fetched: \d+ bytes came in \d+ s") as caught,
    ):
        fetch(store(), REPO, COMMIT, "config.json") if what == "file" else look_up(REPO, "main")

    assert caught.value.is_retryable


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_headers_now_and_then_end_in_an_error(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_ANSWER_S", 0.3)

    def drip(connection: socket.socket, request: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\na: ")
        for byte in itertools.repeat(b"x"):
            connection.sendall(byte)
            time.sleep(0.01)

    with mirror(monkeypatch, drip) as server:
        monkeypatch.setattr(server, "_answer", lambda connection: drip(connection, ""))
        with pytest.raises(ModelLoadError, match=r"no answer began within 0\.3 s"):
            fetch(store(), REPO, COMMIT, "config.json") if method == "HEAD" else look_up(REPO, "main")


def test_a_request_that_nobody_wants_any_more_is_left_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    with mirror(monkeypatch, lambda connection, request: None) as server:
        monkeypatch.setattr(server, "_answer", lambda connection: connection.recv(1))  # never answers
        with pytest.raises(RerankAbortedError, match="was stopped"):
            fetch(store(), REPO, COMMIT, "config.json", lambda: bool(server.requests))


@pytest.mark.parametrize(
    "start", [head("200 OK"), head("200 OK", "transfer-encoding: chunked") + b"7fffffff\r\n"]
)
def test_a_listing_without_end_is_left(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        mirror(monkeypatch, without_end(start)),
        pytest.raises(ModelLoadError, match="larger than any listing"),
    ):
        look_up(REPO, "main")


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"sha": ' + b"1" * 10_000,
        b'{"sha": "%s", "siblings": [7]}' % COMMIT.encode(),
        b"\xff",
    ],
)
def test_a_listing_that_is_none_says_so(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        mirror(monkeypatch, lambda connection, request: connection.sendall(good(content))),
        pytest.raises(ModelLoadError, match="did not answer as a model hub does"),
    ):
        look_up(REPO, "main")


def test_redirects_without_end_are_left_and_their_bodies_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        mirror(monkeypatch, without_end(head("302 Found", "location: /again"))) as server,
        pytest.raises(ModelLoadError),
    ):
        look_up(REPO, "main")

    assert 2 <= len(server.requests) <= 10


def test_a_token_does_not_follow_a_redirect_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret_token")
    with RawServer(lambda connection: connection.sendall(good(b"{}"))) as other:
        to_other = head("302 Found", f"location: {other.url}/x", "content-length: 0")
        with (
            mirror(monkeypatch, lambda connection, request: connection.sendall(to_other)) as server,
            pytest.raises(ModelLoadError),
        ):
            look_up(REPO, "main")

    assert "hf_secret_token" in server.requests[0]
    assert "hf_secret_token" not in other.requests[0]


def test_a_server_that_begins_anew_each_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    half = head("200 OK", f"content-length: {len(CONTENT)}") + CONTENT[:1_000]
    with (
        mirror(monkeypatch, lambda connection, request: connection.sendall(half)) as server,
        pytest.raises(ModelLoadError, match="could not be fetched"),
    ):
        fetch(store(), REPO, COMMIT, "config.json")

    assert len(server.requests) <= 7


def test_a_part_that_is_whole_already_is_fetched_anew_where_the_size_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blob = store().blob(SUM)
    blob.parent.mkdir(parents=True)
    blob.with_name(f"{SUM}.localrank.incomplete").write_bytes(CONTENT)

    def body(connection: socket.socket, request: str) -> None:
        past = head("416 Range Not Satisfiable", "content-length: 3") + b"no\n"
        connection.sendall(past if "range: " in request.lower() else good(CONTENT))

    with mirror(monkeypatch, body, announced(None)):
        fetch(store(), REPO, COMMIT, "config.json")

    assert Path(store().folder(COMMIT), "config.json").read_bytes() == CONTENT


def test_a_proxy_that_packs_a_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = good(gzip.compress(CONTENT), "content-encoding: gzip")
    with mirror(monkeypatch, lambda connection, request: connection.sendall(answer)):
        fetch(store(), REPO, COMMIT, "config.json")

    assert Path(store().folder(COMMIT), "config.json").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "http://nowhere:port"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ("SSL_CERT_FILE", "/gone.pem"),
    ],
)
def test_what_the_environment_says_of_the_way_is_named(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*errors._WAYS, *map(str.lower, errors._WAYS)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://hub.invalid")
    monkeypatch.setenv(variable, value)
    close_session()  # the client reads them once
    with pytest.raises(ModelLoadError, match=f"Check the connection, and {variable}, which is set"):
        look_up(REPO, "main")
