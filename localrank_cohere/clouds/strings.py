"""The clouds' models as strings: `bedrock:amazon.rerank-v1:0`, `vertex:semantic-ranker-default@latest`, `azure:https://…`.

Behind the name stands the model, or `MODEL@URL` for another address. Region, project and account are the environment's;
they are also settings, under the names that the constructors give them.
"""

from __future__ import annotations

from localrank.contract.errors import InvalidRequestError
from localrank.contract.texts import shortened
from localrank_cohere.clouds.azure import AzureReranker
from localrank_cohere.clouds.bedrock import BedrockReranker
from localrank_cohere.clouds.cloudflare import CloudflareReranker
from localrank_cohere.clouds.vertex import VertexReranker
from localrank_cohere.clouds.watsonx import WatsonxReranker

__all__ = ["azure", "bedrock", "bedrock_invoke", "cloudflare", "vertex", "watsonx"]


def azure(body: str, *, api_key: str | None = None, base_url: str | None = None) -> AzureReranker:
    """Return the reranker for `azure:URL` or `azure:DEPLOYMENT@URL`.

    Raises:
        InvalidRequestError: There is no address.
    """
    model, url = _split(body)
    address = base_url or url
    if address is None:
        raise InvalidRequestError(
            f"azure:{shortened(body)} names no address, and each deployment has its own.",
            hint='Write "azure:https://…", or "azure:DEPLOYMENT@https://…"; base_url= is the same.',
        )
    return AzureReranker(address, model=model, api_key=api_key)


def bedrock(
    body: str, *, region: str | None = None, profile: str | None = None, base_url: str | None = None
) -> BedrockReranker:
    """Return the reranker for `bedrock:MODEL`, by Bedrock's rerank operation."""
    model, url = _split(body)
    return BedrockReranker(model, region=region, profile=profile, base_url=base_url or url)


def bedrock_invoke(
    body: str,
    *,
    region: str | None = None,
    profile: str | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
) -> BedrockReranker:
    """Return the reranker for `bedrock-invoke:MODEL`, by invoking the model."""
    model, url = _split(body)
    return BedrockReranker(
        model, api="invoke", region=region, profile=profile, api_key=api_key, base_url=base_url or url
    )


def cloudflare(
    body: str, *, account_id: str | None = None, api_key: str | None = None, base_url: str | None = None
) -> CloudflareReranker:
    """Return the reranker for `cloudflare:MODEL`."""
    model, url = _split(body)
    return CloudflareReranker(model, account_id=account_id, api_key=api_key, base_url=base_url or url)


def vertex(
    body: str, *, project: str | None = None, location: str = "global", base_url: str | None = None
) -> VertexReranker:
    """Return the reranker for `vertex:MODEL`."""
    model, url = _split(body)
    return VertexReranker(model, project=project, location=location, base_url=base_url or url)


def watsonx(
    body: str,
    *,
    project_id: str | None = None,
    space_id: str | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
) -> WatsonxReranker:
    """Return the reranker for `watsonx:MODEL`."""
    model, url = _split(body)
    return WatsonxReranker(
        model, project_id=project_id, space_id=space_id, api_key=api_key, base_url=base_url or url
    )


def _split(body: str) -> tuple[str, str | None]:
    if body.startswith(("http://", "https://")):
        return "", body
    model, at, rest = body.partition("@http")
    return model, f"http{rest}" if at else None
