"""Cohere's models in Azure AI Foundry and Cloudflare's: addresses, and which header carries the key."""

from __future__ import annotations

import json

import pytest

from localrank import InvalidRequestError, MissingAPIKeyError, rerank
from localrank_cohere import AzureReranker, CloudflareReranker
from tests.support.cloud_answers import cloudflare
from tests.support.rerank_server import RerankServer, Turn

pytestmark = pytest.mark.anyio
KEY = "no-real-key-of-a-cloud"


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://a.services.ai.azure.com", "https://a.services.ai.azure.com/providers/cohere/v2/rerank"),
        ("https://a.services.ai.azure.com/", "https://a.services.ai.azure.com/providers/cohere/v2/rerank"),
        (
            "https://a.services.ai.azure.com/providers/cohere/v2/rerank",
            "https://a.services.ai.azure.com/providers/cohere/v2/rerank",
        ),
        ("https://a.eastus.models.ai.azure.com", "https://a.eastus.models.ai.azure.com/v2/rerank"),
        (
            "https://a.eastus.models.ai.azure.com/v1/rerank",
            "https://a.eastus.models.ai.azure.com/v1/rerank",
        ),
    ],
)
def test_an_address_of_azures_is_completed(base: str, url: str) -> None:
    assert f"url={url!r}" in repr(AzureReranker(base))


async def test_a_resource_of_azures_gets_the_key_as_api_key() -> None:
    with RerankServer() as server:
        async with AzureReranker(server.url, model="rerank-v4", api_key=KEY) as reranker:
            result = await rerank(reranker, "b", ["a", "b"], provider_options={"azure": {"priority": 1}})
    request = server.requests[0]

    assert result[0].index == 1
    assert request.headers["api-key"] == KEY
    assert "authorization" not in request.headers
    assert (request.path, request.body["model"], request.body["priority"]) == ("/v2/rerank", "rerank-v4", 1)


async def test_a_serverless_deployment_gets_the_key_as_a_bearer_token() -> None:
    reranker = AzureReranker("https://a.eastus.models.ai.azure.com", api_key=KEY)

    assert reranker._settings.dialect.key_header == "Authorization"
    assert reranker._settings.dialect.provider == "azure"


async def test_a_token_of_entra_takes_the_keys_place() -> None:
    with RerankServer() as server:
        async with AzureReranker(server.url, model="m", token="an-entra-token") as reranker:
            await rerank(reranker, "q", ["a"])

    assert server.requests[0].headers["authorization"] == "Bearer an-entra-token"
    assert "api-key" not in server.requests[0].headers


async def test_without_a_key_azures_variable_is_named() -> None:
    with pytest.raises(MissingAPIKeyError, match="AZURE_AI_API_KEY"):
        await rerank(AzureReranker("https://a.services.ai.azure.com"), "q", ["a"])


async def test_cloudflares_model_stands_in_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "0123abcd")
    with RerankServer(choose=cloudflare) as server:
        async with CloudflareReranker(base_url=server.url, api_key=KEY) as reranker:
            result = await rerank(reranker, "b", ["a", "b", "c"], top_k=2)
    request = server.requests[0]

    assert [hit.index for hit in result] == [1, 0]
    assert request.path == "/client/v4/accounts/0123abcd/ai/run/@cf/baai/bge-reranker-base"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "query": "b",
        "contexts": [{"text": "a"}, {"text": "b"}, {"text": "c"}],
        "top_k": 2,
    }


async def test_cloudflares_refusal_is_told() -> None:
    body = {"result": None, "success": False, "errors": [{"code": 5007, "message": "No such model"}]}
    with RerankServer(choose=cloudflare) as server:
        server.script(Turn(status=404, body=json.dumps(body).encode()))
        async with CloudflareReranker(account_id="a", base_url=server.url, api_key=KEY) as reranker:
            with pytest.raises(Exception, match="No such model"):
                await rerank(reranker, "q", ["a"], max_retries=0)


async def test_without_an_account_or_a_key_the_error_names_the_variable() -> None:
    with pytest.raises(InvalidRequestError, match="CLOUDFLARE_ACCOUNT_ID"):
        await rerank(CloudflareReranker(), "q", ["a"])
    with pytest.raises(MissingAPIKeyError, match="CLOUDFLARE_API_TOKEN"):
        await rerank(CloudflareReranker(account_id="a"), "q", ["a"])


def test_an_account_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="account_id is 'a/b'"):
        CloudflareReranker(account_id="a/b")
