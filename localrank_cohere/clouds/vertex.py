"""`VertexReranker`: Google's ranking API."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from localrank.contract.errors import InvalidRequestError
from localrank.providers.annotations import check_types
from localrank.providers.worker import run_in_thread
from localrank_cohere.call.settings import Settings
from localrank_cohere.clouds.cloud_reranker import CloudReranker, Common, check_one_given
from localrank_cohere.clouds.google import GoogleToken, default_project
from localrank_cohere.clouds.tokens import TokenSource, let_it_end, token_credentials
from localrank_cohere.cohere_reranker import DEFAULT_TIMEOUT_S
from localrank_cohere.dialects.endpoints import Endpoint
from localrank_cohere.dialects.rows.clouds import VERTEX

if TYPE_CHECKING:
    import httpx2

__all__ = ["VertexReranker"]

_HOST = "discoveryengine.googleapis.com"
_VARIABLES = ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")
_PROJECT_PLACE = "{project}"
"""Stands in an address until the call, where nothing but the environment names the project."""

_WORD = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class VertexReranker(CloudReranker):
    """A model of Google's ranking API (`semantic-ranker-default@latest`, `semantic-ranker-fast@latest` …).

    Tokens come from google-auth (`pip install "localrank[vertex]"`): a service account, a user's login, the machine's role.
    They are fetched in a thread and renewed when they expire. A request takes 200 records; a longer list goes out in several.
    Scores have two decimal places, so many are equal: those documents keep your order.

    Args:
        model: The model's name.
        project: The project's id or number; without it `GOOGLE_CLOUD_PROJECT`, then the credentials' own.
        location: `global`, `us` or `eu`; says the host, too.
        ranking_config: The configuration's name.
        token: A token, or a function that returns one, plain or `async`, in place of google-auth.
        credentials: Credentials of google-auth, in place of those that the environment names.
        base_url: Another address of the service.
        timeout: See `CohereReranker`, as for the following.
        max_documents_per_call: At most 200.
        http_client: An `httpx2.AsyncClient` of your own.
        headers: Further headers.
        fields: Keys of a mapping that are sent: `title` as the record's title, the others as its content.

    Raises:
        InvalidRequestError: An argument that cannot work.
    """

    def __init__(
        self,
        model: str = "semantic-ranker-default@latest",
        *,
        project: str | None = None,
        location: str = "global",
        ranking_config: str = "default_ranking_config",
        token: str | TokenSource | None = None,
        credentials: Any = None,
        base_url: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_documents_per_call: int | None = None,
        http_client: httpx2.AsyncClient | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[str] | Literal["all"] | None = None,
    ) -> None:
        check_types(locals(), VertexReranker.__init__)
        check_one_given({"token": token, "credentials": credentials})
        self._project = None if project is None else _word("project", project)
        self._asks_google = token is None and credentials is None
        place = _word("location", location)
        root = (
            f"https://{_HOST if place == 'global' else f'{place}-{_HOST}'}" if base_url is None else base_url
        )
        path = f"/v1/projects/{self._project or _PROJECT_PLACE}/locations/{place}/rankingConfigs/"
        super().__init__(
            VERTEX,
            model,
            f"{root.rstrip('/')}{path}{_word('ranking_config', ranking_config)}:rank",
            Common(timeout, max_documents_per_call, http_client, headers, fields),
            credentials=token_credentials(token, "token") or GoogleToken(credentials),
        )

    async def _placed(self) -> Settings:
        settings = self._settings
        if self._project is not None:
            return settings
        project = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), None)
        if project is None and self._asks_google:
            project = await run_in_thread(default_project, stop=let_it_end)
        if project is None:
            raise InvalidRequestError(
                "There is no Google Cloud project.", hint=f"Pass project=, or set {_VARIABLES[0]}."
            )
        url = settings.endpoint.url.replace(_PROJECT_PLACE, _word(_VARIABLES[0], project))
        return replace(settings, endpoint=Endpoint(url))


def _word(argument: str, value: Any) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise InvalidRequestError(
            f"{argument} is {value!r}.", hint="Pass a name without blanks, slashes and the like."
        )
    return value
