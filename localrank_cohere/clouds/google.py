"""Google Cloud: tokens from google-auth's own chain (a service account, a user's login, the machine's metadata).

The chain reads files and asks token servers: so it runs in a thread, once for every state of the environment. google-auth
itself renews a token that expires.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localrank.contract.errors import (
    APICallError,
    AuthenticationError,
    MissingAPIKeyError,
    MissingDependencyError,
)
from localrank.providers.forking import RenewedLock, hold_off_forks
from localrank.providers.worker import run_in_thread
from localrank_cohere.call.credentials import Unsigned
from localrank_cohere.clouds.environment import ByEnvironment
from localrank_cohere.clouds.tokens import let_it_end, refuse_strangers
from localrank_cohere.dialects.rows.clouds import VERTEX
from localrank_cohere.http.blocking import blocking_request
from localrank_cohere.http.transport import Connections

__all__ = ["GoogleToken", "default_project"]

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_HINT = "Name a service account's file in GOOGLE_APPLICATION_CREDENTIALS, or run: gcloud auth application-default login."


class GoogleToken:
    """Puts the token of google-auth into a request, and the project that its quota is counted for.

    Args:
        given: Credentials of google-auth; None for those of the environment.
    """

    def __init__(self, given: Any = None) -> None:
        self._given = given
        self._lock = (
            RenewedLock()
        )  # google-auth's credentials have none: several threads would fetch several tokens

    async def headers(self, request: Unsigned, connections: Connections) -> Mapping[str, str]:  # noqa: ARG002
        """Return the headers.

        Raises:
            InvalidRequestError: The environment's token is wanted for a host that is not Google's.
            MissingDependencyError: google-auth is not installed.
            MissingAPIKeyError: The environment names no credentials.
            AuthenticationError: No token was given for them.
        """
        if self._given is None:
            refuse_strangers(VERTEX, request.url, "token= or credentials=")
        return await run_in_thread(lambda: self._headers(request.url), stop=let_it_end)

    async def renewed(self, refusal: APICallError) -> bool:
        """Return True after a 401: the token is thrown away, whatever time it was said to have left."""
        if refusal.status != 401:
            return False
        credentials = await run_in_thread(self._credentials, stop=let_it_end)
        credentials.token = None
        return True

    def _headers(self, url: str) -> dict[str, str]:
        credentials = self._credentials()
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - optional

        headers: dict[str, str] = {}
        try:
            with self._lock:
                credentials.before_request(_fetch, "POST", url, headers)
        except GoogleAuthError as error:
            raise AuthenticationError(
                f"google-auth got no token: {type(error).__name__}.", hint=_HINT
            ) from None
        return {name.lower(): value for name, value in headers.items()}

    def _credentials(self) -> Any:
        return _found_here()[0] if self._given is None else self._given

    def __getstate__(self) -> dict[str, Any]:
        if self._given is not None:
            raise TypeError("A reranker with credentials= is not pickled, since the pickle would hold them.")
        return {}

    def __setstate__(self, _: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]


def default_project() -> str | None:
    """Return the project that the environment or the credentials name; blocks."""
    project: str | None = _found_here()[1]
    return project


def _find(_: str | None) -> tuple[Any, str | None]:
    try:
        with hold_off_forks():  # a child could not end an import that another thread began
            import google.auth  # noqa: PLC0415 - optional
            import google.auth.exceptions  # noqa: PLC0415
    except ImportError:
        raise MissingDependencyError(
            "Vertex needs google-auth to get a token, which is not installed.",
            hint='pip install "localrank[vertex]", or pass token=.',
        ) from None
    try:
        found: tuple[Any, str | None] = google.auth.default(scopes=[_SCOPE], request=_fetch)
    except google.auth.exceptions.GoogleAuthError as error:
        raise MissingAPIKeyError(
            f"There are no credentials for Google Cloud: {type(error).__name__}.", hint=_HINT
        ) from None
    return found


_found_here = ByEnvironment(("GOOGLE_", "CLOUDSDK_", "GCE_", "GCLOUD_", "NO_GCE_", "HOME"), _find)


class _Response:
    """An answer as google-auth reads it (`google.auth.transport.Response`)."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.data: bytes = response.content


def _fetch(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,
    **_: Any,
) -> _Response:
    """Send a request of google-auth's (`google.auth.transport.Request`)."""
    from google.auth.exceptions import TransportError  # noqa: PLC0415 - optional

    try:
        return _Response(blocking_request(method, url, headers, body, timeout))
    except Exception as error:
        raise TransportError(type(error).__name__) from None
