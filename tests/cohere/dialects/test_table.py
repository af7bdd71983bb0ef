"""Each dialect asks as its service wants to be asked, and reads what it answers."""

from __future__ import annotations

from typing import Any

import pytest

from localrank import InvalidRequestError, RerankUsage, rerank
from localrank_cohere import CohereReranker
from localrank_cohere.dialects.table import DIALECTS, dialect_named
from tests.support.rerank_server import RerankServer, Turn

pytestmark = pytest.mark.anyio
NAMES = [dialect.name for dialect in DIALECTS]
QUERY, DOCUMENTS = "what is rag", ["pasta with cheese", "rag is retrieval", "what is rag about"]

BODIES: dict[str, dict[str, Any]] = {
    "cohere": {"model": "m", "query": QUERY, "documents": DOCUMENTS, "top_n": 2},
    "cohere-v1": {"model": "m", "query": QUERY, "documents": DOCUMENTS, "top_n": 2},
    "jina": {"model": "m", "query": QUERY, "documents": DOCUMENTS, "top_n": 2, "return_documents": False},
    "vllm": {"model": "m", "query": QUERY, "documents": DOCUMENTS, "top_n": 2},
    "voyage": {"model": "m", "query": QUERY, "documents": DOCUMENTS, "top_k": 2, "truncation": True},
    "mixedbread": {"model": "m", "query": QUERY, "input": DOCUMENTS, "top_k": 2, "return_input": False},
    "pinecone": {
        "model": "m",
        "query": QUERY,
        "documents": [{"text": text} for text in DOCUMENTS],
        "top_n": 2,
        "return_documents": False,
        "rank_fields": ["text"],
        "parameters": {"truncate": "END"},
    },
    "tei": {"model": "m", "query": QUERY, "texts": DOCUMENTS, "truncate": True},
}
PATHS = {"cohere": "/v2/rerank", "mixedbread": "/v1/reranking", "pinecone": "/rerank", "tei": "/rerank"}
USAGE = {
    "cohere": RerankUsage(input_tokens=19, search_units=1.0, api_calls=1),
    "cohere-v1": RerankUsage(input_tokens=19, search_units=1.0, api_calls=1),
    "pinecone": RerankUsage(search_units=1.0, api_calls=1),
    "tei": RerankUsage(api_calls=1),
}


@pytest.mark.parametrize("name", NAMES)
async def test_every_dialect_ranks(name: str) -> None:
    with RerankServer(name) as server:
        async with CohereReranker("m", dialect=name, base_url=server.url) as reranker:
            result = await rerank(reranker, QUERY, DOCUMENTS, top_k=2)

    assert [hit.index for hit in result] == [2, 1]
    assert result.warnings == ()


@pytest.mark.parametrize("name", NAMES)
async def test_the_body_is_the_dialects_own(name: str) -> None:
    with RerankServer(name) as server:
        async with CohereReranker("m", dialect=name, base_url=server.url) as reranker:
            await rerank(reranker, QUERY, DOCUMENTS, top_k=2)

    assert BODIES[name] == server.requests[0].body
    assert PATHS.get(name, "/v1/rerank") == server.requests[0].path


@pytest.mark.parametrize("name", NAMES)
async def test_the_key_goes_into_the_dialects_header(name: str) -> None:
    with RerankServer(name) as server:
        async with CohereReranker("m", dialect=name, base_url=server.url, api_key="a-test-key") as reranker:
            await rerank(reranker, QUERY, DOCUMENTS)
    headers = server.requests[0].headers

    if name == "pinecone":
        assert (headers["api-key"], headers["x-pinecone-api-version"]) == ("a-test-key", "2026-07")
        assert "authorization" not in headers
    else:
        assert headers["authorization"] == "Bearer a-test-key"


@pytest.mark.parametrize("name", NAMES)
async def test_usage_is_read_where_the_service_counts(name: str) -> None:
    with RerankServer(name) as server:
        async with CohereReranker("m", dialect=name, base_url=server.url) as reranker:
            usage = (await rerank(reranker, QUERY, DOCUMENTS)).usage

    expected = USAGE.get(name, RerankUsage(input_tokens=19, api_calls=1))
    assert (expected.input_tokens, expected.search_units, expected.api_calls) == (
        usage.input_tokens,
        usage.search_units,
        usage.api_calls,
    )


@pytest.mark.parametrize("name", NAMES)
async def test_echoed_documents_of_any_shape_are_survived(name: str) -> None:
    def echoing(good: Any) -> Any:
        rows = good if isinstance(good, list) else good.get("results", good.get("data"))
        for row in rows:
            row["document"] = {"text": "an echo"} if row["index"] % 2 else "an echo"
            row["surprise"] = [1, 2]
        return good

    with RerankServer(name) as server:
        server.script(Turn(body=echoing))
        async with CohereReranker("m", dialect=name, base_url=server.url) as reranker:
            result = await rerank(reranker, QUERY, DOCUMENTS)

    assert [hit.document for hit in result] == [DOCUMENTS[2], DOCUMENTS[1], DOCUMENTS[0]]


async def test_vllm_is_told_the_instruction() -> None:
    with RerankServer("vllm") as server:
        async with CohereReranker("m", dialect="vllm", base_url=server.url) as reranker:
            result = await rerank(reranker, QUERY, DOCUMENTS, instruction="Only cooking counts.")

    assert server.requests[0].body["instruction"] == "Only cooking counts."
    assert result.warnings == ()


async def test_a_service_without_instructions_yields_a_warning(reranker: CohereReranker) -> None:
    result = await rerank(reranker, QUERY, DOCUMENTS, instruction="Only cooking counts.")

    assert [(one.type, one.feature) for one in result.warnings] == [("unsupported", "instruction")]


def test_an_unknown_dialect_is_refused_with_near_names() -> None:
    with pytest.raises(InvalidRequestError, match="Did you mean 'cohere'"):
        dialect_named("coheer")
