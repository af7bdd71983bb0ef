"""IBM Cloud: an API key is exchanged for a token at IAM, kept until shortly before it expires.

Source: https://cloud.ibm.com/docs/account?topic=account-iamtoken_from_apikey. Tokens are kept for the process, since
rerankers are made by the request; of the calls of one event loop that need the same one, the first fetches it and the others
wait.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import anyio
from anyio.lowlevel import RunVar

from localrank.contract.errors import (
    APICallError,
    AuthenticationError,
    InvalidResponseError,
    MissingAPIKeyError,
    RerankError,
)
from localrank_cohere.call.credentials import Unsigned
from localrank_cohere.clouds.tokens import bearer, refuse_strangers
from localrank_cohere.dialects.keys import Secret, checked_key
from localrank_cohere.dialects.rows.clouds import WATSONX
from localrank_cohere.http.headers import answer_headers
from localrank_cohere.http.redaction import redactor
from localrank_cohere.http.transport import Connections
from localrank_cohere.wire.failures import failure
from localrank_cohere.wire.words import text_of

__all__ = ["IAM_URL", "IamToken"]

IAM_URL = "https://iam.cloud.ibm.com/identity/token"

_GRANT = "urn:ibm:params:oauth:grant-type:apikey"
_MOST_BYTES = 1 << 16
_MOST_KEPT = 32
_SHARE_LEFT = 0.1
"""A token is exchanged when a tenth of its time is left: six minutes of an hour; so no request carries one that expires."""


@dataclass(frozen=True, slots=True, repr=False)
class _Token:
    value: str
    until: float


_kept: dict[tuple[str, str], _Token] = {}
_locks: RunVar[dict[tuple[str, str], anyio.Lock]] = RunVar("localrank_iam_locks")


class IamToken:
    """Exchanges a key for tokens.

    Args:
        key: The API key; the environment's, read at each call, where None.
        url: Of the exchange.
    """

    def __init__(self, key: Secret | None = None, url: str = IAM_URL) -> None:
        self._key = key
        self._url = url
        self._given = ""

    async def headers(self, request: Unsigned, connections: Connections) -> Mapping[str, str]:
        """Return the header with a token.

        Raises:
            InvalidRequestError: The environment's key is wanted for a host that is not IBM's.
            MissingAPIKeyError: There is no key.
            AuthenticationError: IAM refused it.
            APICallError: IAM failed or could not be reached.
            InvalidResponseError: It answered no token.
        """
        if self._key is None:
            for url in (self._url, request.url):
                refuse_strangers(WATSONX, url, "api_key= or token=")
        place = (self._url, self._api_key())
        async with _alone(place):
            token = _kept.get(place)
            if token is None or time.monotonic() >= token.until:
                token = await self._exchanged(place[1], connections)
                while len(_kept) >= _MOST_KEPT:
                    del _kept[next(iter(_kept))]
                _kept[place] = token
        self._given = token.value
        return bearer(token.value)

    async def renewed(self, refusal: APICallError) -> bool:
        """Return True after a 401: the token is forgotten, whatever time it was said to have left."""
        if refusal.status != 401 or not self._given:
            return False
        place = (self._url, self._api_key())
        kept = _kept.get(place)
        if kept is not None and kept.value == self._given:  # else another call has a new one by now
            del _kept[place]
        return True

    def _api_key(self) -> str:
        if self._key is not None:
            return self._key.value
        for variable in WATSONX.key_variables:
            if os.environ.get(variable, "").strip():
                return checked_key(os.environ[variable], variable).value
        raise MissingAPIKeyError(
            "There is no key for watsonx.",
            hint=f"Set {WATSONX.key_variables[0]}, or pass api_key= or token=.",
        )

    async def _exchanged(self, key: str, connections: Connections) -> _Token:
        asked = time.monotonic()
        content = urlencode({"grant_type": _GRANT, "apikey": key}).encode()
        secrets = redactor((key, quote(key)))
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        answer = await connections.post(self._url, headers, content, limit=_MOST_BYTES, redactor=secrets)
        if isinstance(answer, RerankError):
            raise answer
        text = text_of(answer.body, answer.headers.get("content-type", ""))
        if answer.status in {400, 401, 403}:
            refused = failure("IAM", self._url, answer.status, {}, text, clean=secrets.text)
            raise AuthenticationError(
                f"No token for the API key: {refused.message}",
                url=self._url,
                status=answer.status,
                hint="Check the API key of IBM Cloud.",
            )
        if answer.status != 200:
            given = answer_headers(answer.headers, secrets.text)
            raise failure("IAM", self._url, answer.status, given, text, clean=secrets.text)
        return _token(text, asked)


def _token(text: str, asked: float) -> _Token:
    try:
        body: Any = json.loads(text)
        value, seconds = checked_key(body["access_token"], "access_token").value, float(body["expires_in"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidResponseError(
            "The answer of IAM holds no access_token with its expires_in.", hint="Look at iam_url."
        ) from None
    return _Token(value, asked + seconds * (1 - _SHARE_LEFT))


@asynccontextmanager
async def _alone(place: tuple[str, str]) -> AsyncIterator[None]:
    """Let one call of this event loop at a time through to `place`."""
    try:
        locks = _locks.get()
    except LookupError:
        _locks.set(locks := {})
    lock = locks.setdefault(place, anyio.Lock())
    try:
        async with lock:
            yield
    finally:
        if not lock.locked() and not lock.statistics().tasks_waiting:
            locks.pop(place, None)
