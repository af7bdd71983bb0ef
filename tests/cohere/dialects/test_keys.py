"""A key goes to the host it is meant for, and shows nowhere."""

from __future__ import annotations

import logging
import pickle

import pytest

from localrank import APICallError, InvalidRequestError, MissingAPIKeyError, rerank, rerank_sync
from localrank_cohere import CohereReranker
from localrank_cohere.dialects.endpoints import belongs_to_vendor
from localrank_cohere.dialects.keys import checked_key, key_for
from localrank_cohere.dialects.table import DIALECTS, dialect_named
from localrank_cohere.http.headers import request_headers
from tests.cohere.conftest import KEY
from tests.support.rerank_server import RerankServer, Turn

VENDORS = [dialect for dialect in DIALECTS if dialect.home is not None]


@pytest.mark.parametrize("dialect", VENDORS, ids=lambda dialect: dialect.name)
def test_the_vendors_variable_is_read_at_call_time(dialect: object, monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = dialect_named(dialect.name)  # type: ignore[attr-defined]
    for variable in vendor.key_variables:
        monkeypatch.delenv(variable, raising=False)
    url = f"{vendor.home}{vendor.path}"
    with pytest.raises(MissingAPIKeyError, match=f"Set {vendor.key_variables[0]}, or pass api_key="):
        key_for(vendor, url, None)

    for variable in reversed(vendor.key_variables):  # the first of them wins
        monkeypatch.setenv(variable, f" key-of-{variable}\n")
        found = key_for(vendor, url, None)
        assert found is not None
        assert found.value == f"key-of-{variable}"


def test_a_missing_key_fails_before_anything_is_sent() -> None:
    with pytest.raises(MissingAPIKeyError, match="CO_API_KEY"):
        rerank_sync(CohereReranker("rerank-v3.5"), "q", ["a"])


def test_an_explicit_key_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CO_API_KEY", "from-environment")
    found = key_for(dialect_named("cohere"), "https://api.cohere.com/v2/rerank", checked_key(KEY, "api_key"))

    assert found is not None
    assert found.value == KEY


@pytest.mark.parametrize(
    "url",
    [
        "https://api.jina.ai/v2/rerank",
        "http://api.cohere.com/v2/rerank",
        "https://cohere.com.evil.example/v2/rerank",
        "https://notcohere.com/v2/rerank",
        "https://evil.example/api.cohere.com",
        "http://127.0.0.1:8000/v2/rerank",
        "https://gateway.example/v2/rerank",
    ],
)
def test_a_key_from_the_environment_never_leaves_for_another_host(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CO_API_KEY", KEY)

    assert KEY not in str(request_headers(url, dialect_named("cohere"), None, {}, None))


@pytest.mark.parametrize(
    "url", ["https://api.cohere.com/v2/rerank", "https://API.COHERE.COM./v2", "https://eu.api.cohere.ai"]
)
def test_the_vendors_own_hosts_are_known(url: str) -> None:
    assert belongs_to_vendor(dialect_named("cohere"), url)


@pytest.mark.anyio
async def test_no_key_is_needed_on_loopback(server: RerankServer) -> None:
    async with CohereReranker("m", base_url=server.url) as reranker:
        await rerank(reranker, "q", ["a"])

    assert "authorization" not in server.requests[0].headers


@pytest.mark.anyio
async def test_headers_of_the_call_beat_those_of_the_reranker(server: RerankServer) -> None:
    own = {"X-Team": "search", "X-Trace": "1"}
    async with CohereReranker(
        "m", base_url=server.url, api_key=KEY, headers=own, client_name="app"
    ) as reranker:
        await rerank(reranker, "q", ["a"], headers={"x-trace": "2", "Authorization": "Bearer of-this-call"})
    headers = server.requests[0].headers

    assert (headers["x-team"], headers["x-trace"], headers["x-client-name"]) == ("search", "2", "app")
    assert headers["authorization"] == "Bearer of-this-call"
    assert headers["user-agent"].startswith("localrank/")


def test_the_key_is_in_no_repr() -> None:
    reranker = CohereReranker("m", api_key=KEY)

    assert KEY not in f"{reranker!r} {reranker.__dict__} {reranker._settings!r} {reranker.fingerprint}"


def test_a_reranker_with_a_key_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="would hold the key"):
        pickle.dumps(CohereReranker("m", api_key=KEY))


def test_a_reranker_without_a_key_is_pickled() -> None:
    copy = pickle.loads(pickle.dumps(CohereReranker("m", base_url="http://127.0.0.1:1")))

    assert repr(copy) == repr(CohereReranker("m", base_url="http://127.0.0.1:1"))


@pytest.mark.parametrize("name", ["X-Auth-Token", "Api-Key", "Cookie"])
def test_a_secret_header_is_neither_shown_nor_pickled(name: str) -> None:
    reranker = CohereReranker("m", headers={name: KEY})

    assert KEY not in f"{reranker!r} {reranker._settings!r} {reranker.fingerprint}"
    with pytest.raises(TypeError, match=name.lower()):
        pickle.dumps(reranker)


@pytest.mark.anyio
async def test_a_key_in_an_address_shows_nowhere(server: RerankServer) -> None:
    server.script(Turn(status=400))
    async with CohereReranker("m", base_url=f"{server.url}/v2?key={KEY}") as reranker:
        with pytest.raises(APICallError) as caught:
            await rerank(reranker, "q", ["a"])

    assert server.requests[0].path == f"/v2/rerank?key={KEY}"
    assert (
        KEY
        not in f"{reranker!r} {reranker.fingerprint} {reranker._settings!r} {caught.value.url} {caught.value}"
    )


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["x-token", "authorization"])
async def test_an_echoed_header_of_the_call_never_shows(
    server: RerankServer, reranker: CohereReranker, name: str
) -> None:
    body = f'{{"message": "saw {KEY}"}}'.encode()
    server.script(Turn(status=400, body=body, headers={"x-echo": KEY}))
    with pytest.raises(APICallError) as caught:
        await rerank(reranker, "q", ["a"], headers={name: KEY})

    assert "saw ***" in str(caught.value)
    assert KEY not in f"{caught.value.__dict__}"


@pytest.mark.parametrize("key", ["", "  ", "two words", "späť", "line\nbreak"])
def test_what_is_no_key_is_refused_and_not_shown(key: object) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        CohereReranker("m", api_key=key)  # type: ignore[arg-type]

    assert str(caught.value) == "api_key holds no key. A key is one word of printable ASCII characters."


def test_a_number_for_a_key_is_refused_and_not_shown() -> None:
    with pytest.raises(InvalidRequestError, match=r"^api_key is of type int\. Pass a string or None\.$"):
        CohereReranker("m", api_key=7)  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_the_key_is_in_no_log(
    server: RerankServer, reranker: CohereReranker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script(Turn(status=500, echo_key=True))
    await rerank(reranker, "q", ["a document"], on_error=print, max_retries=1, timeout=9)

    assert KEY not in caplog.text
    assert "a document" not in caplog.text
