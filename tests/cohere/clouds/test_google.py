"""Google's ranking API: google-auth gets a token off the event loop, records have numbers, ties keep the caller's order."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import google.oauth2.credentials
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2 import service_account

from localrank import APICallError, AuthenticationError, InvalidRequestError, MissingAPIKeyError, rerank
from localrank_cohere import VertexReranker
from localrank_cohere.clouds import google as ours
from tests.support.cloud_answers import vertex
from tests.support.rerank_server import RerankServer, Seen, Turn

pytestmark = pytest.mark.anyio
TOKEN = "ya29.no-real-token"
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


def give_token(seen: Seen) -> Turn:
    """Answer as Google's token server."""
    if seen.path != "/token":
        return vertex(seen)
    assert parse_qs(seen.body)["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    return Turn(
        body=json.dumps({"access_token": TOKEN, "expires_in": 3_600, "token_type": "Bearer"}).encode()
    )


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def server() -> Iterator[RerankServer]:
    with RerankServer(choose=give_token) as server:
        yield server


@pytest.fixture
def account(private_key: str, server: RerankServer) -> dict[str, str]:
    return {
        "type": "service_account",
        "client_email": "me@a-project.iam.gserviceaccount.com",
        "private_key": private_key,
        "token_uri": f"{server.url}/token",
        "project_id": "a-project",
    }


async def test_a_service_account_gets_one_token_for_many_calls(
    server: RerankServer, account: dict[str, str]
) -> None:
    credentials = service_account.Credentials.from_service_account_info(account, scopes=_SCOPES)
    async with VertexReranker(project="p", credentials=credentials, base_url=server.url) as reranker:
        for _ in range(2):
            await rerank(reranker, "q", ["a", "b"])

    assert [seen.path for seen in server.requests] == [
        "/token",
        *["/v1/projects/p/locations/global/rankingConfigs/default_ranking_config:rank"] * 2,
    ]
    assert server.requests[1].headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_token_that_is_refused_is_fetched_anew_once(
    server: RerankServer, account: dict[str, str]
) -> None:
    credentials = service_account.Credentials.from_service_account_info(account, scopes=_SCOPES)
    async with VertexReranker(project="p", credentials=credentials, base_url=server.url) as reranker:
        await rerank(reranker, "q", ["a"])
        server.script(Turn(status=401), give_token(_token_asked()), vertex_of_one(), Turn(status=401))
        assert (await rerank(reranker, "q", ["a"], max_retries=0))[0].index == 0
        server.script(give_token(_token_asked()), Turn(status=401))
        with pytest.raises(AuthenticationError):
            await rerank(reranker, "q", ["a"], max_retries=0)

    assert sum(seen.path == "/token" for seen in server.requests) == 3


def _token_asked() -> Seen:
    return Seen("POST", "/token", {}, "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer", 0.0)


def vertex_of_one() -> Turn:
    return Turn(body=b'{"records": [{"id": "0", "score": 0.5}]}')


async def test_the_environments_account_is_found_in_a_thread(
    account: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "account.json"
    file.write_text(json.dumps(account), "utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    threads: list[int] = []
    find = ours._found_here._find
    monkeypatch.setattr(
        ours._found_here, "_find", lambda name: threads.append(threading.get_ident()) or find(name)
    )
    reranker = VertexReranker()
    for _ in range(2):
        settings = await reranker._placed()
        assert "/projects/a-project/" in settings.endpoint.url

    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


async def test_the_environments_token_goes_to_google_alone(server: RerankServer) -> None:
    with pytest.raises(InvalidRequestError, match=r"is no https address of googleapis\.com"):
        await rerank(VertexReranker(project="p", base_url=server.url), "q", ["a"])

    assert server.requests == []


async def test_without_credentials_the_error_says_how_to_have_some() -> None:
    with pytest.raises(MissingAPIKeyError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        await rerank(VertexReranker(project="p"), "q", ["a"])


async def test_credentials_that_get_no_token_are_named(server: RerankServer, account: dict[str, str]) -> None:
    credentials = service_account.Credentials.from_service_account_info(account, scopes=_SCOPES)
    server.script(*[Turn(status=400)] * 9)
    async with VertexReranker(project="p", credentials=credentials, base_url=server.url) as reranker:
        with pytest.raises(AuthenticationError, match="google-auth got no token: RefreshError"):
            await rerank(reranker, "q", ["a"], max_retries=0)


async def test_the_project_that_pays_for_the_quota_is_named(server: RerankServer) -> None:
    login = google.oauth2.credentials.Credentials(TOKEN, quota_project_id="payer")
    async with VertexReranker(project="p", credentials=login, base_url=server.url) as reranker:
        await rerank(reranker, "q", ["a"])

    assert server.requests[0].headers["x-goog-user-project"] == "payer"


async def test_more_than_two_hundred_records_go_out_in_parts_and_ties_keep_the_callers_order(
    server: RerankServer,
) -> None:
    documents = ["the same words"] * 401
    async with VertexReranker(project="p", token=TOKEN, base_url=server.url) as reranker:
        result = await rerank(reranker, "words", documents)

    assert [hit.index for hit in result] == list(range(401))
    assert {hit.score for hit in result} == {0.91}
    assert sorted(len(seen.body["records"]) for seen in server.requests) == [133, 134, 134]
    assert [one["id"] for one in server.requests[0].body["records"][:3]] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "row", ['{"id": "2", "score": 1}', '{"id": "-1", "score": 1}', '{"id": "x", "score": 1}']
)
async def test_an_id_that_was_not_sent_is_refused(server: RerankServer, row: str) -> None:
    server.script(Turn(body=f'{{"records": [{row}]}}'.encode()))
    async with VertexReranker(project="p", token=TOKEN, base_url=server.url) as reranker:
        with pytest.raises(Exception, match="holds the index"):
            await rerank(reranker, "q", ["a", "b"], max_retries=0)


async def test_an_objects_title_is_the_records_title(server: RerankServer) -> None:
    book = {"title": "Rome", "text": "A city.", "year": 1999}
    async with VertexReranker(project="p", token=TOKEN, base_url=server.url, fields="all") as reranker:
        await rerank(reranker, "q", [book, {"text": "No title."}])

    assert server.requests[0].body["records"] == [
        {"id": "0", "title": "Rome", "content": "text: A city.\nyear: 1999"},
        {"id": "1", "content": "No title."},
    ]


@pytest.mark.parametrize(
    ("arguments", "host"),
    [
        ({}, "https://discoveryengine.googleapis.com/v1/projects/p/locations/global/"),
        ({"location": "eu"}, "https://eu-discoveryengine.googleapis.com/v1/projects/p/locations/eu/"),
    ],
)
def test_a_location_has_a_host_of_its_own(arguments: dict[str, Any], host: str) -> None:
    assert host in repr(VertexReranker(project="p", **arguments))


async def test_a_project_is_named_by_the_environment_or_missed(
    server: RerankServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with VertexReranker(token=TOKEN, base_url=server.url) as reranker:
        with pytest.raises(InvalidRequestError, match="no Google Cloud project"):
            await rerank(reranker, "q", ["a"])
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "of-the-environment")
        await rerank(reranker, "q", ["a"])

    assert "/projects/of-the-environment/" in server.requests[0].path


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"project": "a/b"}, "project is 'a/b'"),
        ({"location": ""}, "location is ''"),
        ({"token": "t0ken-t0ken", "credentials": object()}, "both given"),
        ({"token": "two words"}, "token holds no key"),
    ],
)
def test_a_bad_argument_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        VertexReranker(**arguments)


async def test_googles_reason_is_told(server: RerankServer) -> None:
    body = b'{"error": {"code": 403, "message": "Discovery Engine API is disabled", "status": "PERMISSION_DENIED"}}'
    server.script(Turn(status=403, body=body))
    async with VertexReranker(project="p", token=TOKEN, base_url=server.url) as reranker:
        with pytest.raises(APICallError, match="vertex answered 403: Discovery Engine API is disabled"):
            await rerank(reranker, "q", ["a"], max_retries=0)
