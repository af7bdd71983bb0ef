"""A hostile or broken server costs a bounded time and memory, ends in one typed error, and gets no secret shown."""

from __future__ import annotations

import gzip
import importlib
import logging
import os
import socket
import subprocess
import sys
import time
import traceback
import zlib
from base64 import b64encode
from collections.abc import Callable
from itertools import repeat
from typing import Any

import pytest

from localrank import (
    APICallError,
    ConnectionFailedError,
    InvalidResponseError,
    RerankError,
    ServerError,
    rerank,
)
from localrank_cohere import CohereReranker, JinaReranker
from tests.cohere.conftest import KEY
from tests.cohere.http.test_redaction import FORMS
from tests.support.raw_server import RawServer, endless, good, head
from tests.support.rerank_server import RerankServer, Turn

pytestmark = pytest.mark.anyio
RANKING = b'{"results": [{"index": 0, "relevance_score": 0.5}]}'
CHUNKED = "transfer-encoding: chunked"

Answer = Callable[[socket.socket], object]


def sends(content: bytes) -> Answer:
    return lambda connection: connection.sendall(content)


async def error_of(answer: Answer, **options: Any) -> RerankError:
    with RawServer(answer) as server:
        async with JinaReranker("m", base_url=server.url, api_key=KEY, **options) as reranker:
            with pytest.raises(RerankError) as caught:
                await rerank(reranker, "q", ["a"], max_retries=0)
    assert str(server.port) in f"{caught.value} {getattr(caught.value, 'url', '')}"
    assert len(str(caught.value)) < 800
    return caught.value


ENDLESS = {
    "a body until the end": endless(head("200 OK"), b" " * 65_536),
    "a body of chunks": endless(head("200 OK", CHUNKED), b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
    "chunks of one byte": endless(head("200 OK", CHUNKED), b"1\r\nx\r\n" * 1_000),
    "a body that says its length": endless(head("200 OK", "content-length: 99999999999999"), b" " * 65_536),
    "the end of a chunk's head": endless(head("200 OK", CHUNKED) + b"1;", b"x" * 65_536),
    "what follows the chunks": endless(head("200 OK", CHUNKED) + b"0\r\n", b"a: b\r\n" * 1_000),
    "headers": endless(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n" * 1_000),
    "one header": endless(b"HTTP/1.1 200 OK\r\na: ", b"b" * 65_536),
    "a status line": endless(b"HTTP/1.1 200 ", b"b" * 65_536),
    "no HTTP": endless(b"", b"\0" * 65_536),
    "an error page": endless(head("502 Bad Gateway"), b"<title" * 10_000),
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS)
async def test_what_has_no_end_is_left_without_waiting_for_a_timeout(answer: Answer) -> None:
    error = await error_of(answer, timeout=None)

    assert isinstance(error, InvalidResponseError | ConnectionFailedError | ServerError)


SLOW = {
    "a body": head("200 OK"),
    "a chunk": head("200 OK", CHUNKED) + b"ffff\r\n",
    "a header": b"HTTP/1.1 200 OK\r\na: ",
}


@pytest.mark.parametrize("start", SLOW.values(), ids=SLOW)
async def test_a_byte_now_and_then_does_not_stretch_the_timeout(start: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(start)
        for byte in repeat(b"x"):
            connection.sendall(byte)
            time.sleep(0.01)

    error = await error_of(drip, timeout=0.3)

    assert "within timeout=0.3 s" in str(error)


async def test_preliminary_answers_without_end_do_not_stretch_the_timeout() -> None:
    error = await error_of(endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100), timeout=0.3)

    assert "within timeout=0.3 s" in str(error)


def bomb(wbits: int) -> bytes:
    """Return 512 MB of zeros, packed."""
    packer = zlib.compressobj(1, zlib.DEFLATED, wbits)
    zeros = bytes(1 << 20)
    return b"".join([*(packer.compress(zeros) for _ in range(512)), packer.flush()])


def test_a_packed_body_that_unpacks_to_half_a_gigabyte_takes_no_memory(tmp_path: Any) -> None:
    (tmp_path / "gzip").write_bytes(bomb(31))
    (tmp_path / "deflate").write_bytes(bomb(15))
    code = (
        "import sys, tracemalloc\n"
        "from pathlib import Path\n"
        "from localrank import rerank_sync, RerankError\n"
        "from localrank_cohere import JinaReranker\n"
        "from tests.support.raw_server import RawServer, good, head, endless\n"
        "def answers():\n"
        "    for coding in ('gzip', 'deflate'):\n"
        "        body = Path(sys.argv[1], coding).read_bytes()\n"
        "        yield lambda c: c.sendall(good(body, 'content-encoding: ' + coding))\n"
        "        yield lambda c: c.sendall(head('502 No', 'content-encoding: ' + coding) + body)\n"
        "    yield endless(head('200 OK'), b' ' * 65536)\n"
        "def kinds():\n"
        "    for answer in answers():\n"
        "        with RawServer(answer) as server:\n"
        "            try: rerank_sync(JinaReranker('m', base_url=server.url), 'q', ['a'], max_retries=0)\n"
        "            except RerankError as error: yield type(error).__name__\n"
        "tracemalloc.start()\n"
        "print(*kinds(), tracemalloc.get_traced_memory()[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    *kinds, most = done.stdout.split()

    pairs = ["InvalidResponseError", "ServerError"] * 2
    assert kinds == [*pairs, "InvalidResponseError"]
    assert int(most) < 64 << 20  # the packed bodies themselves are in it


CODINGS = {
    "packed twice": ("gzip, gzip", "packed as 'gzip, gzip'"),
    "an unknown coding": ("x-own\x1b", "packed as 'x-own\ufffd'"),
    "not what it says": ("gzip", "DecodingError"),
}


@pytest.mark.parametrize(("coding", "message"), CODINGS.values(), ids=CODINGS)
async def test_a_body_that_cannot_be_unpacked_says_so(coding: str, message: str) -> None:
    error = await error_of(sends(good(RANKING, f"content-encoding: {coding}")))

    assert isinstance(error, ConnectionFailedError)
    assert message in str(error)


async def test_a_packed_ranking_is_read() -> None:
    with RawServer(sends(good(gzip.compress(RANKING), "content-encoding: gzip"))) as server:
        async with JinaReranker("m", base_url=server.url) as reranker:
            assert (await rerank(reranker, "q", ["a"]))[0].score == 0.5


BROKEN = {
    "a chunk that is none": head("200 OK", CHUNKED) + b"5\r\nabcde\r\nZZ\r\n",
    "half a chunk": head("200 OK", CHUNKED) + b"5\r\nabc",
    "half a body": head("200 OK", "content-length: 500") + RANKING,
    "HTTP/2": b"\0\0\x12\4\0\0\0\0\0" + bytes(18),
    "TLS": b"\x15\3\3\0\2\2\x28",
    "nothing": b"",
    "two lengths": head("200 OK", "content-length: 5", "content-length: 6") + b"123456",
    "a length that is none": head("200 OK", "content-length: many") + b"1",
    "another protocol": head("101 Switching Protocols", "upgrade: own"),
    "no status": head("000 Own", "content-length: 0"),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
async def test_broken_http_is_a_failed_connection(content: bytes) -> None:
    assert isinstance(await error_of(sends(content)), ConnectionFailedError)


def row(index: bytes = b"0", score: bytes = b"0.5") -> bytes:
    return b'{"results": [{"index": %s, "relevance_score": %s}]}' % (index, score)


UNREADABLE = {
    "an index of ten thousand digits": row(index=b"1" * 10_000),
    "an index of four thousand digits": row(index=b"1" * 4_000),
    "an index that is a text": row(index=b'"0"'),
    "an index that is a float": row(index=b"0.0"),
    "an index from the end": row(index=b"-1"),
    "a score of ten thousand digits": row(score=b"1" * 10_000),
    "a score without end": row(score=b"1e999"),
    "a score that is none": row(score=b"NaN"),
    "a text in no encoding": b"\xff" * 100,
    "a text of zeros": bytes(100),
    "too deep": b'{"results": ' + b"[" * 100_000,
    "a number": b"7",
    "a text": b'"\\ud800"',
    "nothing": b"",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_is_no_ranking_is_refused_in_words_that_can_be_written(body: bytes) -> None:
    error = await error_of(sends(good(body)))

    assert isinstance(error, InvalidResponseError)
    assert str(error).encode()


async def test_an_error_with_an_empty_ranking_is_an_error() -> None:
    error = await error_of(sends(good(b'{"error": "model is loading", "results": []}')))

    assert "It says: 'model is loading'" in str(error)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
async def test_a_ranking_is_read_with_a_byte_order_mark_and_under_any_content_type(encoding: str) -> None:
    body = RANKING.decode().encode(encoding)
    answer = head("200 OK", f"content-length: {len(body)}", "content-type: text/html; charset=koi8-r") + body
    with RawServer(sends(answer)) as server:
        async with JinaReranker("m", base_url=server.url) as reranker:
            assert (await rerank(reranker, "q", ["a"]))[0].score == 0.5


@pytest.mark.parametrize("status", [404, 405])
async def test_a_path_that_is_not_there_is_named_with_another_to_try(
    server: RerankServer, status: int
) -> None:
    server.script(Turn(status=status))
    async with CohereReranker("m", base_url=f"{server.url}/v2?key={KEY}") as reranker:
        with pytest.raises(APICallError) as caught:
            await rerank(reranker, "q", ["a"])

    assert f"answered {status} at {server.url}/v2/rerank:" in str(caught.value)
    assert f"base_url='{server.url}/rerank'" in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("base", "asked"), [("", "/v1/rerank"), ("/v1", "/v1/rerank"), ("/team-a", "/team-a")]
)
async def test_a_base_that_could_mean_either_is_asked_at_both_and_the_answer_is_remembered(
    base: str, asked: str
) -> None:
    there = {"": "/rerank", "/v1": "/rerank", "/team-a": "/team-a/v1/rerank"}[base]
    with RerankServer("jina", choose=lambda seen: Turn(status=200 if seen.path == there else 404)) as server:
        async with JinaReranker("m", base_url=server.url + base) as reranker:
            for _ in range(2):
                assert len(await rerank(reranker, "q", ["a"])) == 1

    assert [seen.path for seen in server.requests] == [asked, there, there]


async def test_what_is_at_neither_place_is_the_first_answer_in_the_end() -> None:
    with RerankServer("jina", choose=lambda seen: Turn(status=404)) as server:
        async with JinaReranker("m", base_url=server.url) as reranker:
            with pytest.raises(APICallError, match=r"404 at .*/v1/rerank: the scripted answer 404") as caught:
                await rerank(reranker, "q", ["a"])

    assert f"{server.url}/rerank was asked too, and it is not there either." in str(caught.value)
    assert [seen.path for seen in server.requests] == ["/v1/rerank", "/rerank"]


REDIRECTS = {
    "a slash": (
        "/v2/rerank/",
        "to {url}/v2/rerank/, which is not followed. Pass base_url='{url}/v2/rerank/'",
    ),
    "another host": (
        "https://u:p@h.example/x?key=1",
        "to https://h.example/x, which is not followed. It leads to another",
    ),
    "nowhere": ("", "that does not say where to"),
    "no address": ("http://[::1", "that does not say where to"),
    "another protocol": ("file:///etc/passwd", "that does not say where to"),
}


@pytest.mark.parametrize(("location", "message"), REDIRECTS.values(), ids=REDIRECTS)
async def test_a_redirect_is_said_with_where_it_leads(
    server: RerankServer, location: str, message: str
) -> None:
    server.script(Turn(status=307, headers={"location": location} if location else {}))
    async with CohereReranker("m", base_url=server.url, api_key=KEY) as reranker:
        with pytest.raises(APICallError) as caught:
            await rerank(reranker, "q", ["a"])

    assert message.format(url=server.url) in str(caught.value)
    assert f"from {server.url}/v2/rerank" in str(caught.value)


def shown(error: BaseException) -> str:
    """Return all that a careful report of an error shows: the locals of our frames too."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in report.stack if "localrank_cohere" in frame.filename]
    assert frames
    attributes = f"{error!r} {error} {vars(error)}"
    return (
        attributes
        + "".join(f"{frame.locals}" for frame in frames)
        + "".join(traceback.format_exception(error))
    )


def pieces(secret: str) -> set[str]:
    return {secret[start : start + 8].lower() for start in range(len(secret) - 7)}


ECHOES: dict[str, Callable[[bytes], bytes]] = {
    "a refusal": lambda form: (
        head("401 No " + form.decode("latin-1"), "x-debug: " + form.decode("latin-1")) + b"your key " + form
    ),
    "an error with 200": lambda form: good(
        b"<title>" + form + b"</title>", "x-debug: " + form.decode("latin-1")
    ),
    "no HTTP": lambda form: form + b"\r\n\r\n",
    "a chunk": lambda form: head("200 OK", CHUNKED) + form + b"\r\n",
    "an index": lambda form: good(b'{"results": [{"index": "' + form.replace(b"\\", b"") + b'"}]}'),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
@pytest.mark.parametrize(
    "form", ["its beginning", "an address twice", "other case", "base64 of user:key", "code points"]
)
async def test_an_echoed_key_is_in_no_error_no_local_and_no_log(
    form: str, echo: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    error = await error_of(sends(echo(FORMS[form].encode())))

    assert not any(piece in f"{shown(error)} {caplog.text}".lower() for piece in pieces(FORMS[form]))
    assert any(record.name.startswith("httpcore2") for record in caplog.records)


async def test_what_other_users_of_the_client_log_stays_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    await error_of(sends(b""))
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpcore2.http11").debug("a record with %s", KEY)

    assert f"a record with {KEY}" in caplog.text


async def test_an_echoed_key_is_in_no_part_of_a_good_answer(server: RerankServer) -> None:
    def echo(answer: dict[str, Any]) -> dict[str, Any]:
        rows = [{**found, "relevant_spans": [{"text": KEY}]} for found in answer["results"]]
        return {
            **answer,
            "results": rows,
            "id": KEY,
            "model": KEY,
            "meta": {KEY[:9]: [KEY], "warnings": [KEY]},
        }

    server.script(Turn(headers={"x-key": KEY[3:]}, body=echo))
    async with CohereReranker("m", base_url=server.url, api_key=KEY) as reranker:
        result = await rerank(reranker, "q", ["a"])

    response = result.response
    seen = (
        f"{response.id} {response.model_id} {response.headers} {result.provider_metadata} {result.warnings}"
    )
    assert not any(piece in f"{seen} {result[0].metadata}".lower() for piece in pieces(KEY))
    assert "***" in f"{response.id}"


async def test_a_key_in_the_address_is_in_no_log(
    server: RerankServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with CohereReranker("m", base_url=f"{server.url}/v2?key={KEY}") as reranker:
        await rerank(reranker, "q", ["a"])

    assert KEY not in caplog.text
    assert "HTTP Request: POST" in caplog.text


async def test_a_password_is_found_in_what_basic_authentication_packs(server: RerankServer) -> None:
    server.script(Turn(status=401, body=b"no user with the password correct-horse-battery"))
    basic = "Basic " + b64encode(b"me:correct-horse-battery").decode()
    async with CohereReranker("m", base_url=server.url, headers={"authorization": basic}) as reranker:
        with pytest.raises(APICallError, match=r"no user with the password \*\*\*"):
            await rerank(reranker, "q", ["a"])


@pytest.mark.parametrize(("coding", "module"), [("br", "brotli"), ("zstd", "backports.zstd")])
async def test_a_coding_whose_package_is_missing_is_named_and_bounded_where_it_is_there(
    coding: str, module: str
) -> None:
    try:
        packer = importlib.import_module(module)
    except ImportError:
        error = await error_of(sends(good(RANKING, f"content-encoding: {coding}")))
        assert f'pip install "httpx2[{coding.replace("br", "brotli")}]"' in str(error)
        return
    body = packer.compress(bytes(1 << 26))
    error = await error_of(sends(good(body, f"content-encoding: {coding}")))
    assert isinstance(error, InvalidResponseError)
    assert "it was not read on after 1,0" in str(error)
