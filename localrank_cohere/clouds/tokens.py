"""Tokens that the caller provides: a text, or a function that is asked for one before every request."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from localrank.contract.errors import APICallError, AuthenticationError, InvalidRequestError, RerankError
from localrank.providers.worker import run_in_thread
from localrank_cohere.call.credentials import Credentials, Unsigned
from localrank_cohere.dialects.endpoints import belongs_to_vendor, without_query
from localrank_cohere.dialects.keys import checked_key
from localrank_cohere.dialects.table import Dialect
from localrank_cohere.http.transport import Connections

__all__ = [
    "CallersToken",
    "TokenSource",
    "asked_of_caller",
    "bearer",
    "let_it_end",
    "refuse_strangers",
    "token_credentials",
]

TokenSource: TypeAlias = Callable[[], str | Awaitable[str]]
"""Returns a token that is valid now. It is called before every request, an `async` one on the event loop and any other in a
thread, so it may block; keeping a token until it expires is its own business, as it is of every cloud's library."""


def token_credentials(token: str | TokenSource | None, source: str) -> Credentials | None:
    """Return credentials of `token`, or None where there is none.

    Raises:
        InvalidRequestError: It is neither a text nor a function.
    """
    if token is None:
        return None
    if not callable(token):
        checked_key(token, source)
        kept = str(token).strip()
        return CallersToken(lambda: kept, is_fixed=True)
    return CallersToken(token)


class CallersToken:
    """Asks the caller for a token.

    Args:
        source: Returns it.
        is_fixed: It never changes, so that asking again after a refusal is no use.
    """

    def __init__(self, source: TokenSource, *, is_fixed: bool = False) -> None:
        self._source = source
        self._is_fixed = is_fixed
        self._last = ""

    async def headers(self, request: Unsigned, connections: Connections) -> Mapping[str, str]:  # noqa: ARG002
        """Return the header with the token.

        Raises:
            AuthenticationError: The function failed.
            InvalidRequestError: It returned no token.
        """
        self._last = await self._token()
        return bearer(self._last)

    async def renewed(self, refusal: APICallError) -> bool:
        """Return whether the function gives another token after a 401."""
        return refusal.status == 401 and not self._is_fixed and await self._token() != self._last

    async def _token(self) -> str:
        return checked_key(await asked_of_caller(self._source, "token"), "token").value

    def __reduce__(self) -> str:
        raise TypeError("A reranker with token= is not pickled, since the pickle would hold the token.")


def bearer(token: str) -> dict[str, str]:
    """Return the header with a bearer token (RFC 6750 §2.1)."""
    return {"authorization": f"Bearer {token}"}


async def asked_of_caller(function: Callable[..., Any], argument: str, *arguments: Any) -> Any:
    """Return what a function of the caller's returns, awaited or from a thread.

    Raises:
        AuthenticationError: It failed; its own error is the cause.
        RerankError: The one that it raised.
    """
    try:
        if inspect.iscoroutinefunction(function):
            return await function(*arguments)
        returned = await run_in_thread(lambda: function(*arguments), stop=let_it_end)
        return await returned if inspect.isawaitable(returned) else returned
    except RerankError:
        raise
    except Exception as error:
        raise AuthenticationError(
            f"The function passed as {argument}= failed: {type(error).__name__}.",
            hint="Its own error is this one's cause.",
        ) from error


def refuse_strangers(dialect: Dialect, url: str, argument: str) -> None:
    """Refuse to show what the environment holds to a host that is not the cloud's own.

    Raises:
        InvalidRequestError: `url` is not of the cloud, or not encrypted.
    """
    if not belongs_to_vendor(dialect, url):
        raise InvalidRequestError(
            f"{without_query(url)} is no https address of {' or '.join(dialect.hosts)}, which alone get the environment's "
            "credentials.",
            hint=f"Pass {argument}.",
        )


def let_it_end() -> None:
    """Leave a thread alone whose call was stopped: what it fetches serves the next call."""
