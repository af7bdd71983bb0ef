"""`CloudflareReranker`: models at Cloudflare Workers AI."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from localrank.contract.errors import InvalidRequestError
from localrank.providers.annotations import check_types
from localrank_cohere.call.settings import Settings
from localrank_cohere.clouds.cloud_reranker import CloudReranker, Common
from localrank_cohere.cohere_reranker import DEFAULT_TIMEOUT_S
from localrank_cohere.dialects.endpoints import Endpoint
from localrank_cohere.dialects.keys import checked_key
from localrank_cohere.dialects.rows.clouds import CLOUDFLARE

if TYPE_CHECKING:
    import httpx2

__all__ = ["CloudflareReranker"]

_VARIABLE = "CLOUDFLARE_ACCOUNT_ID"
_ACCOUNT_PLACE = "{account}"
"""Stands in an address until the call, where nothing but the environment names the account."""

_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")


class CloudflareReranker(CloudReranker):
    """A model at Cloudflare Workers AI (`@cf/baai/bge-reranker-base`).

    The key is `CLOUDFLARE_API_TOKEN` unless one is given.

    Args:
        model: The model's name.
        account_id: The account; without it `CLOUDFLARE_ACCOUNT_ID`.
        api_key: The API token.
        base_url: Another address of the service, such as a gateway's, before `/client/v4`.
        timeout: See `CohereReranker`, as for the following.
        max_documents_per_call: Documents in one request; no limit is documented.
        http_client: An `httpx2.AsyncClient` of your own.
        headers: Further headers.
        fields: Keys of a mapping that are sent, as YAML.

    Raises:
        InvalidRequestError: An argument that cannot work.
    """

    def __init__(
        self,
        model: str = "@cf/baai/bge-reranker-base",
        *,
        account_id: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_documents_per_call: int | None = None,
        http_client: httpx2.AsyncClient | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[str] | Literal["all"] | None = None,
    ) -> None:
        check_types(locals(), CloudflareReranker.__init__)
        self._account = None if account_id is None else _account("account_id", account_id)
        root = (base_url or CLOUDFLARE.home or "").rstrip("/")
        named = quote(model, safe="/@") if isinstance(model, str) else ""
        super().__init__(
            CLOUDFLARE,
            model,
            f"{root}/client/v4/accounts/{self._account or _ACCOUNT_PLACE}/ai/run/{named}",
            Common(timeout, max_documents_per_call, http_client, headers, fields),
            key=None if api_key is None else checked_key(api_key, "api_key"),
        )

    async def _placed(self) -> Settings:
        settings = self._settings
        if self._account is not None:
            return settings
        named = os.environ.get(_VARIABLE, "").strip()
        if not named:
            raise InvalidRequestError(
                "There is no Cloudflare account.", hint=f"Pass account_id=, or set {_VARIABLE}."
            )
        url = settings.endpoint.url.replace(_ACCOUNT_PLACE, _account(_VARIABLE, named))
        return replace(settings, endpoint=Endpoint(url))


def _account(argument: str, value: object) -> str:
    if not isinstance(value, str) or not _ACCOUNT.fullmatch(value):
        raise InvalidRequestError(
            f"{argument} is {value!r}.", hint="Pass the account's id, 32 letters and digits."
        )
    return value
