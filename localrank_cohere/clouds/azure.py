"""`AzureReranker`: Cohere's models, deployed in Azure AI Foundry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from localrank.providers.annotations import check_types
from localrank_cohere.clouds.cloud_reranker import CloudReranker, Common, check_one_given
from localrank_cohere.clouds.tokens import TokenSource, token_credentials
from localrank_cohere.cohere_reranker import DEFAULT_TIMEOUT_S
from localrank_cohere.dialects.endpoints import endpoint
from localrank_cohere.dialects.keys import checked_key
from localrank_cohere.dialects.rows.clouds import AZURE, AZURE_SERVERLESS

if TYPE_CHECKING:
    import httpx2

__all__ = ["AzureReranker"]

_SERVERLESS = ".models.ai.azure.com"
_RESOURCES = (".services.ai.azure.com", ".cognitiveservices.azure.com")


class AzureReranker(CloudReranker):
    """A Cohere model that you deployed in Azure AI Foundry.

    The key is `AZURE_AI_API_KEY` unless one is given. A resource (`https://NAME.services.ai.azure.com`) gets it as `api-key`, a
    serverless deployment (`https://NAME.REGION.models.ai.azure.com`) as a bearer token, as its page in the portal shows.

    Args:
        base_url: The resource, the deployment, or the whole endpoint.
        model: The deployment's name; a serverless deployment needs none.
        api_key: The key.
        token: A token of Microsoft Entra ID, or a function that returns one, plain or `async`, in place of a key.
        timeout: See `CohereReranker`, as for the following.
        max_documents_per_call: Documents in one request.
        http_client: An `httpx2.AsyncClient` of your own.
        headers: Further headers.
        fields: Keys of a mapping that are sent, as YAML.

    Raises:
        InvalidRequestError: An argument that cannot work.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str = "",
        api_key: str | None = None,
        token: str | TokenSource | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_documents_per_call: int | None = None,
        http_client: httpx2.AsyncClient | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[str] | Literal["all"] | None = None,
    ) -> None:
        check_types(locals(), AzureReranker.__init__)
        check_one_given({"token": token, "api_key": api_key})
        address = endpoint(AZURE, _whole(base_url))
        super().__init__(
            AZURE_SERVERLESS if _host(address.url).endswith(_SERVERLESS) else AZURE,
            model,
            address.url,
            Common(timeout, max_documents_per_call, http_client, headers, fields),
            key=None if api_key is None else checked_key(api_key, "api_key"),
            credentials=token_credentials(token, "token"),
        )
        self._settings = replace(self._settings, endpoint=address)  # with where else it may listen


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


def _whole(base_url: str) -> str:
    """Return the address of Cohere's models at a resource, which stand under a path of their own."""
    endpoint(AZURE, base_url)  # refuses what is no address
    parts = urlsplit(base_url)
    if parts.path.strip("/") or not _host(base_url).endswith(_RESOURCES):
        return base_url
    return f"{base_url.rstrip('/')}/providers/cohere/v2/rerank"
