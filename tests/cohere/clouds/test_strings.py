"""The clouds' models by name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from localrank_cohere.clouds import strings
from localrank_cohere.dialects.rows.clouds import ROWS

_PROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.mark.parametrize(
    ("name", "body", "model", "url"),
    [
        (
            "bedrock",
            "amazon.rerank-v1:0@https://bedrock-agent-runtime.ca-central-1.amazonaws.com",
            "amazon.rerank-v1:0",
            "https://bedrock-agent-runtime.ca-central-1.amazonaws.com/rerank",
        ),
        (
            "bedrock_invoke",
            "cohere.rerank-v3-5:0",
            "cohere.rerank-v3-5:0",
            "https://bedrock-runtime.{region}.amazonaws.com/model/cohere.rerank-v3-5%3A0/invoke",
        ),
        (
            "vertex",
            "semantic-ranker-fast@latest",
            "semantic-ranker-fast@latest",
            "https://discoveryengine.googleapis.com/v1/projects/{project}/locations/global/rankingConfigs/"
            "default_ranking_config:rank",
        ),
        ("watsonx", "a/model", "a/model", "https://us-south.ml.cloud.ibm.com/ml/v1/text/rerank"),
        (
            "azure",
            "rerank-v4@https://a.services.ai.azure.com",
            "rerank-v4",
            "https://a.services.ai.azure.com/providers/cohere/v2/rerank",
        ),
        (
            "azure",
            "https://a.eastus.models.ai.azure.com",
            "azure",
            "https://a.eastus.models.ai.azure.com/v2/rerank",
        ),
        (
            "cloudflare",
            "@cf/baai/bge-reranker-base",
            "@cf/baai/bge-reranker-base",
            "https://api.cloudflare.com/client/v4/accounts/{account}/ai/run/@cf/baai/bge-reranker-base",
        ),
    ],
)
def test_a_name_is_a_reranker(name: str, body: str, model: str, url: str) -> None:
    reranker = getattr(strings, name)(body)

    assert reranker.model_id == model
    assert f"url={url!r}" in repr(reranker)


def test_every_cloud_has_a_name() -> None:
    named = tomllib.loads(_PROJECT.read_text("utf-8"))["project"]["entry-points"]["localrank.providers"]

    assert {row.name for row in ROWS} - {"azure-serverless"} <= named.keys()
