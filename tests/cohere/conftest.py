"""What tests of remote models share: a server that answers well, and a reranker that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from localrank_cohere import CohereReranker
from tests.support.rerank_server import RerankServer

KEY = "co-0123456789/abcdef+XYZ"
"""A key with characters that JSON and addresses may write otherwise."""


@pytest.fixture(autouse=True)
def no_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CO_API_KEY", "COHERE_API_KEY", "JINA_API_KEY", "VOYAGE_API_KEY", "PINECONE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[RerankServer]:
    with RerankServer() as server:
        yield server


@pytest.fixture
async def reranker(server: RerankServer) -> AsyncIterator[CohereReranker]:
    async with CohereReranker("rerank-v3.5", api_key=KEY, base_url=server.url) as reranker:
        yield reranker
