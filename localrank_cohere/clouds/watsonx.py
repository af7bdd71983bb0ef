"""`WatsonxReranker`: models at IBM watsonx.ai."""

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
from localrank_cohere.clouds.cloud_reranker import CloudReranker, Common, check_one_given
from localrank_cohere.clouds.iam import IAM_URL, IamToken
from localrank_cohere.clouds.tokens import TokenSource, token_credentials
from localrank_cohere.cohere_reranker import DEFAULT_TIMEOUT_S
from localrank_cohere.dialects.endpoints import plain_address
from localrank_cohere.dialects.keys import checked_key
from localrank_cohere.dialects.rows.clouds import WATSONX

if TYPE_CHECKING:
    import httpx2

__all__ = ["WatsonxReranker"]

_VERSION = "2024-10-10"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class WatsonxReranker(CloudReranker):
    """A model at IBM watsonx.ai (`cross-encoder/ms-marco-minilm-l-12-v2` …).

    The API key, `WATSONX_APIKEY` unless one is given, is exchanged for a token at IBM Cloud's IAM: once, until shortly
    before it expires, and again after a 401.

    Args:
        model: The model's id.
        project_id: Of the project that is billed; without it and a space `WATSONX_PROJECT_ID`, then `WATSONX_SPACE_ID`.
        space_id: Of the deployment space, in place of a project.
        base_url: The region's address; without it `WATSONX_URL`, then that of Dallas.
        api_key: The API key of IBM Cloud.
        token: A token, or a function that returns one, plain or `async`, in place of the exchange.
        iam_url: Where keys are exchanged.
        version: The API's version, as a date.
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
        model: str,
        *,
        project_id: str | None = None,
        space_id: str | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        token: str | TokenSource | None = None,
        iam_url: str = IAM_URL,
        version: str = _VERSION,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_documents_per_call: int | None = None,
        http_client: httpx2.AsyncClient | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[str] | Literal["all"] | None = None,
    ) -> None:
        check_types(locals(), WatsonxReranker.__init__)
        check_one_given({"project_id": project_id, "space_id": space_id})
        if not isinstance(version, str) or not _DATE.fullmatch(version):
            raise InvalidRequestError(f"version is {version!r}.", hint="Pass a date such as 2024-10-10.")
        check_one_given({"token": token, "api_key": api_key})
        if token is not None and iam_url != IAM_URL:
            raise InvalidRequestError(
                f"iam_url is {iam_url!r}, where keys are exchanged, and a token is given.",
                hint="Pass one of them.",
            )
        root = base_url or os.environ.get("WATSONX_URL") or "https://us-south.ml.cloud.ibm.com"
        if "?" in root:
            raise InvalidRequestError("base_url has a query.", hint="Pass the address of the region alone.")
        key = None if api_key is None else checked_key(api_key, "api_key")
        given = {"project_id": project_id, "space_id": space_id}
        super().__init__(
            WATSONX,
            model,
            f"{root.rstrip('/')}{WATSONX.path}?version={quote(version)}",
            Common(timeout, max_documents_per_call, http_client, headers, fields),
            credentials=token_credentials(token, "token") or IamToken(key, plain_address(iam_url)),
            always={name: value for name, value in given.items() if value is not None},
        )

    @property
    def _may_hold_key(self) -> bool:
        return False  # the query is the version

    async def _placed(self) -> Settings:
        settings = self._settings
        if settings.always:
            return settings
        for name, variable in (("project_id", "WATSONX_PROJECT_ID"), ("space_id", "WATSONX_SPACE_ID")):
            if value := os.environ.get(variable, "").strip():
                return replace(settings, always={name: value})
        raise InvalidRequestError(
            "There is no project for watsonx.",
            hint="Pass project_id= or space_id=, or set WATSONX_PROJECT_ID.",
        )
