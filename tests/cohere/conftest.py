"""What tests of remote models share: a server that answers well, and a reranker that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from localrank_cohere import CohereReranker
from localrank_cohere.dialects.decisions import DECISION_SERVICES
from localrank_cohere.dialects.table import DIALECTS
from tests.support.rerank_server import RerankServer

KEY = "co-0123456789/abcdef+XYZ"
"""A key with characters that JSON and addresses may write otherwise."""


@pytest.fixture(autouse=True)
def no_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    services = (*DIALECTS, *DECISION_SERVICES)
    for name in (name for service in services for name in service.key_variables):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[RerankServer]:
    with RerankServer() as server:
        yield server


@pytest.fixture
async def reranker(server: RerankServer) -> AsyncIterator[CohereReranker]:
    async with CohereReranker("rerank-v3.5", api_key=KEY, base_url=server.url) as reranker:
        yield reranker
