"""The environment's proxies: which one an address goes through, and what is said of one that cannot work."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from localrank import ConnectionFailedError, InvalidRequestError, MissingDependencyError, rerank
from localrank_cohere import JinaReranker
from localrank_cohere.http.proxies import proxy_for
from tests.support.raw_server import RawServer, good
from tests.support.rerank_server import RerankServer

GOOD = b'{"results": [{"index": 0, "relevance_score": 0.5}]}'


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variables", "url", "variable"),
    [
        ({}, "http://h", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://h", "HTTP_PROXY"),
        ({"http_proxy": "http://p:1", "HTTP_PROXY": "http://q:1"}, "http://h", "http_proxy"),
        ({"HTTP_PROXY": "http://p:1"}, "https://h", None),
        ({"HTTPS_PROXY": "p:1"}, "https://h", "HTTPS_PROXY"),
        ({"ALL_PROXY": "http://p:1"}, "https://h", "ALL_PROXY"),
        ({"ALL_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:1"}, "https://h", "HTTPS_PROXY"),
        ({"HTTPS_PROXY": ""}, "https://h", None),
    ],
)
def test_the_variable_of_the_scheme_comes_before_the_one_for_all(
    variables: dict[str, str], url: str, variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    proxy = proxy_for(url)

    assert (None if proxy is None else proxy.variable) == variable


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("*", "http://h"),
        ("h", "http://h"),
        ("H.Example", "http://h.example"),
        ("h.example", "http://a.h.example"),
        (".h.example", "http://a.h.example"),
        ("*.h.example", "http://a.h.example"),
        ("a,h , b", "http://h"),
        ("a h b", "http://h"),
        ("h:8080", "http://h:8080"),
        ("h:443", "https://h"),
        ("http://h", "http://h"),
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.0/8", "http://127.1.2.3"),
        ("10.0.0.0/8,127.0.0.0/8", "http://10.1.2.3"),
        ("::1", "http://[::1]:8080"),
        ("[::1]", "http://[::1]:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("fd00::/8", "http://[fd00::1]"),
        ("localhost", "http://localhost:8080"),
        ("localhost", "http://127.0.0.1:8080"),
        ("localhost", "http://[::1]"),
    ],
)
def test_what_no_proxy_names_goes_straight(
    name: str, no_proxy: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://p:port")  # wrong in two ways, and nobody's business
    monkeypatch.setenv(name, no_proxy)

    assert proxy_for(url) is None


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("h", "http://ah"),
        ("h:8080", "http://h:8081"),
        ("https://h", "http://h"),
        ("127.0.0.0/8", "http://128.0.0.1"),
        ("localhost", "http://10.0.0.1"),
        ("h:x,[::1,/,:,.", "http://h"),
    ],
)
def test_what_no_proxy_does_not_name_goes_through_it(
    no_proxy: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://p:1")
    monkeypatch.setenv("NO_PROXY", no_proxy)

    assert proxy_for(url) is not None


@pytest.mark.parametrize(
    "value",
    ["http://p:port", "http://user:pass@p:99999", "ftp://p", "socks4://p:1", "http://", "http://[::1", ":1"],
)
def test_a_proxy_that_cannot_be_one_is_named_without_its_password(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", value)
    with pytest.raises(InvalidRequestError, match="HTTP_PROXY names no proxy") as caught:
        proxy_for("http://h")

    assert "pass@" not in str(caught.value)
    assert value.rpartition("@")[2] in str(caught.value)


def test_a_socks_proxy_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://p:1")
    with pytest.raises(MissingDependencyError, match=r'^ALL_PROXY .*pip install "httpx2\[socks\]"'):
        proxy_for("http://h")


@pytest.mark.anyio
async def test_a_server_behind_a_proxy_is_reached_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(lambda connection: connection.sendall(good(GOOD))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with JinaReranker("m", base_url="http://rerank.invalid") as reranker:
            assert len(await rerank(reranker, "q", ["a"], max_retries=0)) == 1

    assert proxy.requests[0].startswith("POST http://rerank.invalid/v1/rerank ")


@pytest.mark.anyio
async def test_a_server_that_is_excluded_is_reached_past_a_proxy_that_cannot_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://nowhere:port")
    monkeypatch.setenv("NO_PROXY", "localhost")
    with RerankServer("jina") as server:
        async with JinaReranker("m", base_url=server.url) as reranker:
            assert len(await rerank(reranker, "q", ["a"], max_retries=0)) == 1


@pytest.mark.anyio
async def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(lambda connection: None) as gone:
        pass
    monkeypatch.setenv("HTTP_PROXY", gone.url)
    async with JinaReranker("m", base_url="http://rerank.invalid") as reranker:
        with pytest.raises(ConnectionFailedError, match="through the proxy that HTTP_PROXY names"):
            await rerank(reranker, "q", ["a"], max_retries=0)


def test_sync_calls_end_in_one_error_that_names_the_variable() -> None:
    code = (
        "from localrank import rerank_sync, RerankError\n"
        "from localrank_cohere import JinaReranker\n"
        "try: rerank_sync(JinaReranker('m', base_url='http://rerank.invalid'), 'q', ['a'])\n"
        "except RerankError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "HTTP_PROXY": "http://proxy:port"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.startswith(
        "InvalidRequestError HTTP_PROXY names no proxy that can be used: 'http://proxy:port'"
    )
    assert done.stderr == ""


def socks(connection: socket.socket) -> None:
    """Speak SOCKS 5 (RFC 1928) without authentication, and answer as the server behind it would."""
    connection.recv(262)
    connection.sendall(b"\x05\x00")
    connection.recv(262)
    connection.sendall(b"\x05\x00\x00\x01" + bytes(6))
    connection.recv(65_536)
    connection.sendall(good(GOOD))


@pytest.mark.anyio
async def test_a_server_behind_a_socks_proxy_is_reached_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("socksio", reason='pip install "httpx2[socks]"')
    with RawServer(socks, reads_first=False) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url.replace("http", "socks5"))
        async with JinaReranker("m", base_url="http://rerank.invalid") as reranker:
            assert len(await rerank(reranker, "q", ["a"], max_retries=0)) == 1
