"""Each dialect asks as its service wants to be asked, and reads what it answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from localrank import InvalidRequestError, RerankUsage, rerank
from localrank_cohere import CohereReranker
from localrank_cohere.dialects.endpoints import belongs_to_vendor
from localrank_cohere.dialects.table import DIALECTS, Dialect, dialect_named
from localrank_cohere.wire.paths import found
from tests.support.rerank_server import RerankServer, Turn

pytestmark = pytest.mark.anyio
NAMES = [dialect.name for dialect in DIALECTS]
QUERY, DOCUMENTS = "what is rag", ["pasta with cheese", "rag is retrieval", "what is rag about"]

PLAIN = {"model": "m", "query": QUERY, "documents": DOCUMENTS, "top_n": 2}
WITHOUT_ECHO = {**PLAIN, "return_documents": False}
PASSAGES = {
    "model": "m",
    "query": {"text": QUERY},
    "passages": [{"text": text} for text in DOCUMENTS],
    "truncate": "END",
}
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
    **dict.fromkeys(("zeroentropy", "contextual", "openrouter", "vercel", "novita"), PLAIN),
    **dict.fromkeys(("alibaba-compatible", "llamacpp", "localai"), PLAIN),
    **dict.fromkeys(("together", "fireworks", "siliconflow"), WITHOUT_ECHO),
    **dict.fromkeys(("sglang", "infinity", "xinference", "openvino"), WITHOUT_ECHO),
    "isaacus": {"model": "m", "query": QUERY, "texts": DOCUMENTS, "top_n": 2},
    "deepinfra": {"queries": [QUERY, QUERY, QUERY], "documents": DOCUMENTS},
    "alibaba": {
        "model": "m",
        "input": {"query": QUERY, "documents": DOCUMENTS},
        "parameters": {"top_n": 2, "return_documents": False},
    },
    "nim": PASSAGES,
    "nvidia": PASSAGES,
}
PATHS = {
    "cohere": "/v2/rerank",
    "mixedbread": "/v1/reranking",
    "pinecone": "/rerank",
    "tei": "/rerank",
    "zeroentropy": "/v1/models/rerank",
    "isaacus": "/v1/rerankings",
    "openrouter": "/api/v1/rerank",
    "vercel": "/v2/rerank",
    "fireworks": "/inference/v1/rerank",
    "novita": "/openai/v1/rerank",
    "deepinfra": "/v1/inference/m",
    "alibaba": "/api/v1/services/rerank/text-rerank/text-rerank",
    "alibaba-compatible": "/compatible-api/v1/reranks",
    "nim": "/v1/ranking",
    "nvidia": "/v1/retrieval/m/reranking",
    "infinity": "/rerank",
    "openvino": "/v3/rerank",
}
NO_COUNTS = RerankUsage(api_calls=1)
USAGE = {
    "cohere": RerankUsage(input_tokens=19, search_units=1.0, api_calls=1),
    "cohere-v1": RerankUsage(input_tokens=19, search_units=1.0, api_calls=1),
    "pinecone": RerankUsage(search_units=1.0, api_calls=1),
    "vercel": RerankUsage(search_units=1.0, api_calls=1),
    "openrouter": RerankUsage(input_tokens=19, search_units=1.0, api_calls=1, estimated_cost=0.0025),
    "deepinfra": RerankUsage(input_tokens=19, api_calls=1, estimated_cost=0.0005),
    **dict.fromkeys(("tei", "contextual", "sglang", "openvino"), NO_COUNTS),
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
    assert expected == replace(usage, duration_ms=None)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "deepinfra"])  # bare scores
async def test_echoed_documents_of_any_shape_are_survived(name: str) -> None:
    def echoing(good: Any) -> Any:
        body = good["output"] if name == "alibaba" else good
        for row in (
            body if isinstance(body, list) else body.get("results", body.get("data", body.get("rankings")))
        ):
            row["document"] = {"text": "an echo"} if row["index"] % 2 else "an echo"
            row["surprise"] = [1, 2]
        return good

    with RerankServer(name) as server:
        server.script(Turn(body=echoing))
        async with CohereReranker("m", dialect=name, base_url=server.url) as reranker:
            result = await rerank(reranker, QUERY, DOCUMENTS)

    assert [hit.document for hit in result] == [DOCUMENTS[2], DOCUMENTS[1], DOCUMENTS[0]]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("vllm", "instruction"),
        ("contextual", "instruction"),
        ("siliconflow", "instruction"),
        ("deepinfra", "instruction"),
        ("fireworks", "task"),
        ("sglang", "instruct"),
        ("alibaba-compatible", "instruct"),
        ("alibaba", "parameters.instruct"),
    ],
)
async def test_an_instruction_goes_into_the_services_own_field(name: str, field: str) -> None:
    with RerankServer(name) as server:
        async with CohereReranker("m", dialect=name, base_url=server.url) as reranker:
            result = await rerank(reranker, QUERY, DOCUMENTS, instruction="Only cooking counts.")

    assert found(server.requests[0].body, field) == "Only cooking counts."
    assert result.warnings == ()


def test_the_dialects_with_instructions_are_those_tried_here() -> None:
    tried = {"vllm", "contextual", "siliconflow", "deepinfra", "fireworks", "sglang", "alibaba"}

    assert {dialect.provider for dialect in DIALECTS if dialect.instruction} == tried


@pytest.mark.parametrize("one", DIALECTS, ids=lambda dialect: dialect.name)
def test_no_key_of_one_vendor_goes_to_another(one: Dialect) -> None:
    others = [dialect for dialect in DIALECTS if dialect.provider != one.provider]

    assert not {name for other in others for name in other.key_variables} & {*one.key_variables}
    assert not any(belongs_to_vendor(other, f"https://{host}") for other in others for host in one.hosts)
    assert bool(one.home) == bool(one.hosts) == bool(one.key_variables)
    assert one.home is None or belongs_to_vendor(one, one.home)


async def test_a_service_without_instructions_yields_a_warning(reranker: CohereReranker) -> None:
    result = await rerank(reranker, QUERY, DOCUMENTS, instruction="Only cooking counts.")

    assert [(one.type, one.feature) for one in result.warnings] == [("unsupported", "instruction")]


def test_an_unknown_dialect_is_refused_with_near_names() -> None:
    with pytest.raises(InvalidRequestError, match="Did you mean 'cohere'"):
        dialect_named("coheer")
