"""Models at Amazon Bedrock: addresses, ARNs, pages, limits, and who signs."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import pytest

from localrank import AuthenticationError, InvalidRequestError, InvalidResponseError, rerank
from localrank_cohere import BedrockReranker
from localrank_cohere.call.credentials import Unsigned
from localrank_cohere.dialects.rows.clouds import BEDROCK
from localrank_cohere.http.transport import Connections
from tests.support.cloud_answers import bedrock, invoked
from tests.support.rerank_server import RerankServer, Turn

pytestmark = pytest.mark.anyio
NO_SIGNATURE = {"signer": lambda *_: {}}


def arn_sent(server: RerankServer) -> str:
    reranking = server.requests[0].body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    return str(reranking["modelConfiguration"]["modelArn"])


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ({"region": "us-west-2"}, "https://bedrock-agent-runtime.us-west-2.amazonaws.com/rerank"),
        ({"region": "cn-north-1"}, "https://bedrock-agent-runtime.cn-north-1.amazonaws.com.cn/rerank"),
        ({"region": "eusc-de-east-1"}, "https://bedrock-agent-runtime.eusc-de-east-1.amazonaws.eu/rerank"),
        (
            {"model": "arn:aws:bedrock:ca-central-1::foundation-model/amazon.rerank-v1:0"},
            "https://bedrock-agent-runtime.ca-central-1.amazonaws.com/rerank",
        ),
        (
            {"model": "cohere.rerank-v3-5:0", "api": "invoke", "region": "us-west-2"},
            "https://bedrock-runtime.us-west-2.amazonaws.com/model/cohere.rerank-v3-5%3A0/invoke",
        ),
        ({"base_url": "https://vpce-1.example/prefix/"}, "https://vpce-1.example/prefix/rerank"),
        ({}, "https://bedrock-agent-runtime.{region}.amazonaws.com/rerank"),
    ],
)
def test_the_address_follows_the_region(arguments: dict[str, Any], url: str) -> None:
    assert f"url={url!r}" in repr(BedrockReranker(**arguments))


@pytest.mark.parametrize(
    ("arguments", "arn"),
    [
        ({"region": "eu-central-1"}, "arn:aws:bedrock:eu-central-1::foundation-model/amazon.rerank-v1:0"),
        (
            {"model": "arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0"},
            "arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0",
        ),
    ],
)
async def test_the_arn_is_made_of_the_models_id(arguments: dict[str, Any], arn: str) -> None:
    with RerankServer(choose=bedrock) as server:
        async with BedrockReranker(base_url=server.url, **NO_SIGNATURE, **arguments) as reranker:
            await rerank(reranker, "q", ["a"])

    assert arn_sent(server) == arn


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"region": "nowhere"}, "region is 'nowhere'"),
        ({"api": "converse"}, "api is 'converse'"),
        ({"api_key": "no-real-key"}, "takes none"),
        ({"model": ""}, "model is ''"),
        ({**NO_SIGNATURE, "api": "invoke", "api_key": "no-real-key"}, "signer and api_key are both given"),
        ({"session": object(), "profile": "p"}, "session and profile are both given"),
    ],
)
def test_a_bad_argument_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        BedrockReranker(**arguments)


async def test_pages_are_put_together() -> None:
    documents = [f"document {number}" for number in range(7)]
    with RerankServer(choose=partial(bedrock, page=3)) as server:
        async with BedrockReranker(region="us-west-2", base_url=server.url, **NO_SIGNATURE) as reranker:
            result = await rerank(reranker, "document 6", documents)

    assert sorted(hit.index for hit in result) == list(range(7))
    assert [seen.body.get("nextToken") for seen in server.requests] == [None, "p3", "p6"]
    assert result.usage.api_calls == 3
    assert "nextToken" not in str(result.provider_metadata)


@pytest.mark.parametrize(
    "page", [b'{"results": [], "nextToken": "p"}', b'{"results": [{"index": 0, "relevanceScore": 1}]}']
)
async def test_a_page_that_brings_nothing_new_ends_the_call(page: bytes) -> None:
    first = Turn(body=b'{"results": [{"index": 0, "relevanceScore": 1}], "nextToken": "p"}')
    with RerankServer() as server:
        server.script(first, Turn(body=page))
        async with BedrockReranker(region="us-west-2", base_url=server.url, **NO_SIGNATURE) as reranker:
            with pytest.raises(InvalidResponseError, match="A page of the answer"):
                await rerank(reranker, "q", ["a", "b"], max_retries=0)


async def test_more_than_a_thousand_sources_go_out_in_parts() -> None:
    documents = [f"document {number}" for number in range(1_001)]
    with RerankServer(choose=bedrock) as server:
        async with BedrockReranker(region="us-west-2", base_url=server.url, **NO_SIGNATURE) as reranker:
            result = await rerank(reranker, "document 1000", documents, top_k=1)

    assert result[0].index == 1_000
    assert sorted(len(seen.body["sources"]) for seen in server.requests) == [500, 501]


async def test_a_signer_of_the_callers_gets_the_request_and_gives_headers() -> None:
    asked: list[tuple[str, str, str, bytes]] = []

    async def sign(method: str, url: str, headers: Any, body: bytes) -> dict[str, str]:
        asked.append((method, url, headers["content-type"], body))
        return {"Authorization": "Signed by me"}

    with RerankServer(choose=bedrock) as server:
        async with BedrockReranker(region="us-west-2", base_url=server.url, signer=sign) as reranker:
            await rerank(reranker, "q", ["a"])

    assert asked[0][:3] == ("POST", f"{server.url}/rerank", "application/json")
    assert b'"queries"' in asked[0][3]
    assert server.requests[0].headers["authorization"] == "Signed by me"


async def test_a_signer_that_fails_is_named_with_its_cause() -> None:
    def sign(*_: object) -> dict[str, str]:
        raise OSError("no disk")

    with pytest.raises(AuthenticationError, match="signer= failed: OSError") as caught:
        await rerank(BedrockReranker(region="us-west-2", signer=sign), "q", ["a"])

    assert isinstance(caught.value.__cause__, OSError)


async def test_an_api_key_is_a_bearer_token() -> None:
    with RerankServer(choose=invoked) as server:
        async with BedrockReranker(
            "cohere.rerank-v3-5:0",
            api="invoke",
            region="us-west-2",
            base_url=server.url,
            api_key="no-real-key",
        ) as reranker:
            await rerank(reranker, "q", ["a"])
    request = server.requests[0]

    assert request.path == "/model/cohere.rerank-v3-5%3A0/invoke"
    assert request.headers["authorization"] == "Bearer no-real-key"
    assert request.body["api_version"] == 2


async def test_the_environments_api_key_goes_to_aws_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "no-real-key")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDNOREALKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "no-real-secret-key")
    with RerankServer(choose=invoked) as server:
        async with BedrockReranker(
            "cohere.m", api="invoke", region="us-west-2", base_url=server.url
        ) as reranker:
            await rerank(reranker, "q", ["a"])
            credentials = reranker._settings.credentials
    assert credentials is not None
    to_aws = Unsigned("https://bedrock-runtime.us-west-2.amazonaws.com/model/m/invoke", {}, b"")

    assert server.requests[0].headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
    assert await credentials.headers(to_aws, Connections(None)) == {"authorization": "Bearer no-real-key"}


@pytest.mark.parametrize(
    ("api", "url", "always"),
    [
        (
            "rerank",
            "https://bedrock-agent-runtime.ap-northeast-1.amazonaws.com/rerank",
            {BEDROCK.model: "arn:aws:bedrock:ap-northeast-1::foundation-model/cohere.m"},
        ),
        (
            "invoke",
            "https://bedrock-runtime.ap-northeast-1.amazonaws.com/model/cohere.m/invoke",
            {"api_version": 2},
        ),
    ],
)
async def test_the_environments_region_is_read_at_the_call(
    api: Any, url: str, always: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reranker = BedrockReranker("cohere.m", api=api)
    monkeypatch.setenv("AWS_REGION", "ap-northeast-1")
    settings = await reranker._placed()

    assert settings.endpoint.url == url
    assert settings.always == always


def test_coheres_scores_are_probabilities() -> None:
    assert BedrockReranker("cohere.rerank-v3-5:0").score_kind == "probability"
    assert BedrockReranker("amazon.rerank-v1:0").score_kind == "unknown"


def test_it_is_pickled_without_its_credentials() -> None:
    reranker = pickle.loads(pickle.dumps(BedrockReranker(region="us-west-2")))

    assert "us-west-2" in repr(reranker)
    with pytest.raises(TypeError, match="session="):
        pickle.dumps(BedrockReranker(session=object()))
