"""Models at watsonx: a key is exchanged for a token once, which is kept, renewed in time and never shown."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from functools import partial
from typing import Any

import anyio
import pytest

from localrank import (
    AuthenticationError,
    ConnectionFailedError,
    InvalidRequestError,
    InvalidResponseError,
    MissingAPIKeyError,
    ServerError,
    rerank,
)
from localrank_cohere import WatsonxReranker
from localrank_cohere.call.credentials import Unsigned
from localrank_cohere.clouds import iam
from localrank_cohere.dialects.keys import checked_key
from localrank_cohere.http.transport import Connections
from tests.support.cloud_answers import watsonx
from tests.support.rerank_server import RerankServer, Turn

pytestmark = pytest.mark.anyio
KEY = "no-real/key+of=IBM"
TOKEN = "a-token-of-iam"
MODEL = "cross-encoder/ms-marco-minilm-l-12-v2"


@pytest.fixture
def server() -> Iterator[RerankServer]:
    with RerankServer(choose=watsonx) as server:
        yield server


def at(server: RerankServer, **arguments: Any) -> WatsonxReranker:
    given = {"project_id": "a-project", "api_key": KEY, **arguments}
    return WatsonxReranker(MODEL, base_url=server.url, iam_url=f"{server.url}/identity/token", **given)


def exchanges(server: RerankServer) -> int:
    return sum(seen.path == "/identity/token" for seen in server.requests)


async def test_rerankers_with_one_key_share_one_token(server: RerankServer) -> None:
    for _ in range(3):
        async with at(server) as reranker:
            result = await rerank(reranker, "b", ["a", "b"])

    assert result[0].index == 1
    assert exchanges(server) == 1
    assert server.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"
    assert server.requests[-1].path.startswith("/ml/v1/text/rerank?version=20")


async def test_calls_at_once_wait_for_one_exchange(server: RerankServer) -> None:
    server.latency = 0.05
    async with at(server) as reranker, anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(rerank, reranker, "q", ["a"])

    assert exchanges(server) == 1
    assert len(server.requests) == 9


async def test_a_token_is_exchanged_again_before_it_expires(
    server: RerankServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(iam.time, "monotonic", lambda: now)
    async with at(server) as reranker:
        await rerank(reranker, "q", ["a"])
        now += 3_600 * 0.89
        await rerank(reranker, "q", ["a"])
        assert exchanges(server) == 1
        now += 3_600 * 0.02
        await rerank(reranker, "q", ["a"])

    assert exchanges(server) == 2


async def test_a_token_that_is_refused_is_exchanged_once_more_and_no_oftener(server: RerankServer) -> None:
    async with at(server) as reranker:
        await rerank(reranker, "q", ["a"])
        server._choose = partial(watsonx, token="another-token")
        server.script(Turn(status=401))
        await rerank(reranker, "q", ["a"], max_retries=0)
        assert server.requests[-1].headers["authorization"] == "Bearer another-token"
        server._choose = lambda seen: watsonx(seen) if seen.path == "/identity/token" else Turn(status=401)
        with pytest.raises(AuthenticationError):
            await rerank(reranker, "q", ["a"], max_retries=0)

    assert exchanges(server) == 3


async def test_neither_key_nor_token_shows(server: RerankServer, caplog: pytest.LogCaptureFixture) -> None:
    def echo(seen: Any) -> Turn:
        if seen.path == "/identity/token":
            return watsonx(seen)
        return Turn(
            status=500, body=b'{"errors": [{"message": "%s"}]}' % seen.headers["authorization"].encode()
        )

    caplog.set_level(logging.DEBUG)
    server._choose = echo
    async with at(server) as reranker:
        with pytest.raises(ServerError) as caught:
            await rerank(reranker, "q", ["a"], max_retries=0)
        server._choose = lambda seen: Turn(status=400, body=b'{"errorMessage": "no key %s"}' % KEY.encode())
        iam._kept.clear()
        with pytest.raises(AuthenticationError, match=r"No token for the API key: .*no key") as refused:
            await rerank(reranker, "q", ["a"], max_retries=0)
    shown = f"{caught.value} {vars(caught.value)} {refused.value} {vars(refused.value)} {caplog.text} {reranker!r}"

    assert TOKEN not in shown
    assert KEY not in shown


async def test_an_exchange_that_fails_is_repeated_as_any_call(server: RerankServer) -> None:
    server.script(Turn(status=503, headers={"retry-after-ms": "1"}))
    async with at(server) as reranker:
        await rerank(reranker, "q", ["a"])

    assert exchanges(server) == 2


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_key_that_is_refused_is_an_error_of_authentication(server: RerankServer, status: int) -> None:
    server.script(Turn(status=status))
    async with at(server) as reranker:
        with pytest.raises(AuthenticationError, match="No token for the API key") as caught:
            await rerank(reranker, "q", ["a"], max_retries=0)

    assert caught.value.status == status
    assert len(server.requests) == 1


async def test_an_exchange_that_is_cut_off_is_a_lost_connection(server: RerankServer) -> None:
    server.script(Turn(reset="headers"))
    async with at(server) as reranker:
        with pytest.raises(ConnectionFailedError):
            await rerank(reranker, "q", ["a"], max_retries=0)


async def test_tokens_of_many_keys_and_their_locks_are_not_kept_for_ever(
    server: RerankServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iam, "_MOST_KEPT", 2)
    for number in range(4):
        async with at(server, api_key=f"no-real-key-{number}") as reranker:
            await rerank(reranker, "q", ["a"])
    keys = [key for _, key in iam._kept]

    assert keys == ["no-real-key-2", "no-real-key-3"]
    assert iam._locks.get() == {}


async def test_a_token_that_another_call_renewed_meanwhile_is_kept(server: RerankServer) -> None:
    first, refused = iam.IamToken(checked_key(KEY, "api_key"), f"{server.url}/identity/token"), _refusal()
    connections = Connections(None)
    asked = Unsigned(server.url, {}, b"")
    assert not await first.renewed(refused)  # it gave none yet
    await first.headers(asked, connections)
    iam._kept[first._url, KEY] = iam._Token("a-newer-token", iam.time.monotonic() + 60)

    assert await first.renewed(refused)
    assert await first.headers(asked, connections) == {"authorization": "Bearer a-newer-token"}
    await connections.aclose()


def _refusal() -> AuthenticationError:
    return AuthenticationError("no", status=401)


def test_the_environments_key_is_read_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    token = iam.IamToken()
    for key in ("no-real-key-1", "no-real-key-2"):
        monkeypatch.setenv("WATSONX_API_KEY", key)
        assert token._api_key() == key


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no", b'{"access_token": "a b", "expires_in": 5}'])
async def test_an_answer_without_a_token_is_refused(server: RerankServer, body: bytes) -> None:
    server.script(Turn(body=body))
    async with at(server) as reranker:
        with pytest.raises(InvalidResponseError, match="holds no access_token"):
            await rerank(reranker, "q", ["a"], max_retries=0)


async def test_the_environment_names_project_or_space(
    server: RerankServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at(server, project_id=None) as reranker:
        with pytest.raises(InvalidRequestError, match="no project"):
            await rerank(reranker, "q", ["a"])
        monkeypatch.setenv("WATSONX_SPACE_ID", "a-space")
        server._choose = lambda seen: (
            watsonx(seen) if seen.path == "/identity/token" else Turn(body=b'{"results": []}')
        )
        await rerank(reranker, "q", ["a"], top_k=1)

    assert server.requests[-1].body["space_id"] == "a-space"
    assert "project_id" not in server.requests[-1].body


async def test_the_environments_key_goes_to_ibm_alone(
    server: RerankServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATSONX_APIKEY", KEY)
    with pytest.raises(InvalidRequestError, match="no https address of cloud"):
        await rerank(at(server, api_key=None), "q", ["a"])

    assert server.requests == []


async def test_without_a_key_the_error_names_its_variable() -> None:
    with pytest.raises(MissingAPIKeyError, match="WATSONX_APIKEY"):
        await rerank(WatsonxReranker(MODEL, project_id="p"), "q", ["a"])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"project_id": "p", "space_id": "s"}, "both given"),
        ({"version": "today"}, "version is 'today'"),
        ({"token": "t0ken-t0ken", "api_key": "no-real-key"}, "both given"),
        ({"token": "t0ken-t0ken", "iam_url": "https://a.example"}, "iam_url is 'https://a.example'"),
        ({"base_url": "https://a.example?x=1"}, "has a query"),
    ],
)
def test_a_bad_argument_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        WatsonxReranker(MODEL, **arguments)


def test_it_is_pickled_without_keys() -> None:
    reranker = pickle.loads(pickle.dumps(WatsonxReranker(MODEL, project_id="p")))

    assert "us-south.ml.cloud.ibm.com" in repr(reranker)
    with pytest.raises(TypeError, match="api_key="):
        pickle.dumps(WatsonxReranker(MODEL, api_key=KEY))
