"""Every cloud keeps the rules of a good reranker, against a real server on loopback that answers as the cloud does.

Azure speaks Cohere's dialect, over the same path, and is held by `test_remote.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from localrank.testing import RerankerConformance
from localrank_cohere import (
    BedrockReranker,
    CloudflareReranker,
    VertexReranker,
    WatsonxReranker,
)
from tests.support.cloud_answers import BY_NAME
from tests.support.rerank_server import RerankServer

_BEDROCK = {"region": "us-west-2"}
MAKERS: dict[str, Callable[[str], Any]] = {
    "bedrock": lambda url: BedrockReranker(base_url=url, **_BEDROCK),
    "bedrock-invoke": lambda url: BedrockReranker("cohere.m", api="invoke", base_url=url, **_BEDROCK),
    "cloudflare": lambda url: CloudflareReranker(base_url=url, account_id="a"),
    "vertex": lambda url: VertexReranker(project="p", token=_token, base_url=url),
    "watsonx": lambda url: WatsonxReranker("m", project_id="p", token=_token, base_url=url),
}


def _token() -> str:
    return "a-token-of-the-callers"


@pytest.mark.parametrize("cloud", list(MAKERS))
class TestClouds(RerankerConformance):
    @pytest.fixture(autouse=True)
    def serve(self, cloud: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDNOREALKEY")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "no-real-secret-key")
        with RerankServer(choose=BY_NAME[cloud]) as self.server:
            self.cloud = cloud
            yield

    def make(self) -> Any:
        return MAKERS[self.cloud](self.server.url)
