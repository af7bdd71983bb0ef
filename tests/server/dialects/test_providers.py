"""The two halves of the house meet: a remote provider of each dialect that our server speaks keeps the rules against it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localrank.server import create_app
from localrank.server.dialects.table import DIALECTS as SERVER_DIALECTS
from localrank.testing import LexicalReranker, RerankerConformance
from localrank_cohere import CohereReranker
from localrank_cohere.dialects.table import DIALECTS
from tests.support.serving import serving

SERVED = {*SERVER_DIALECTS, "cohere-v1"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(create_app({"test-model": LexicalReranker()})) as client:
        yield client.url


@pytest.mark.parametrize("dialect", sorted(SERVED & {dialect.name for dialect in DIALECTS}))
class TestDialects(RerankerConformance):
    @pytest.fixture(autouse=True)
    def served(self, dialect: str, url: str) -> None:
        self.dialect = dialect
        if dialect == "vllm":
            self.waivers = {
                "instruction": "the warning arrives as a text in meta.warnings, without its feature"
            }
        # without a count its requests look like Jina's, so the prefix says whose they are
        self.url = f"{url}/voyage" if dialect == "voyage" else url

    def make(self) -> CohereReranker:
        return CohereReranker(
            "test-model", dialect=self.dialect, base_url=self.url, api_key="any-key-will-do"
        )
