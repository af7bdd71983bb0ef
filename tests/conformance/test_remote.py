"""Every kind of dialect of `CohereReranker` keeps the rules of a good reranker, against a real server on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localrank.testing import RerankerConformance
from localrank_cohere import CohereReranker
from tests.support.dialect_shapes import SHAPES
from tests.support.rerank_server import RerankServer


@pytest.mark.parametrize("dialect", SHAPES)
class TestDialects(RerankerConformance):
    @pytest.fixture(autouse=True)
    def serve(self, dialect: str) -> Iterator[None]:
        with RerankServer(dialect) as self.server:
            self.dialect = dialect
            yield

    def make(self) -> CohereReranker:
        return CohereReranker("test-model", dialect=self.dialect, base_url=self.server.url)


class TestWithSplitting(RerankerConformance):
    @pytest.fixture(autouse=True)
    def serve(self) -> Iterator[None]:
        with RerankServer() as self.server:
            yield

    def make(self) -> CohereReranker:
        return CohereReranker("test-model", base_url=self.server.url, max_documents_per_call=2)
