"""Every kind of dialect of `CohereReranker` keeps the rules of a good reranker, against a real server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localrank.testing import RerankerConformance
from localrank_cohere import CohereReranker, DecisionReranker
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


@pytest.mark.parametrize(
    ("service", "spoken", "settings"),
    [
        ("typesafe", "systemone", {"form": "yes_no"}),
        (
            "openrouter",
            "openrouter-systemone",
            {"form": "rubric", "both_orders": True, "max_documents_per_call": 2},
        ),
        ("openai", "decisions", {"form": "choice"}),
    ],
    ids=["typesafe-yes_no", "openrouter-rubric", "openai-choice"],
)
class TestDecisionModels(RerankerConformance):
    @pytest.fixture(autouse=True)
    def serve(self, service: str, spoken: str, settings: dict[str, Any]) -> Iterator[None]:
        with RerankServer(spoken) as self.server:
            self.settings = {"service": service, "base_url": self.server.url, **settings}
            yield

    def make(self) -> DecisionReranker:
        return DecisionReranker("test-model", **self.settings)
