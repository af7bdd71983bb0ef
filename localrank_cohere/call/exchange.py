"""One request and what its answer means: a ranking or an error, either of them without secrets.

Errors are returned, and raised by the caller of `Exchange.ask`: a traceback that shows locals then shows none of the frames
here, which hold keys and what the server echoed of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import anyio

from localrank.contract.errors import APICallError, ConnectionFailedError, InvalidResponseError, RerankError
from localrank.contract.model import DoRerankResult
from localrank.contract.types import RerankResponse
from localrank_cohere.call.credentials import Unsigned
from localrank_cohere.call.outcomes import told_outcome
from localrank_cohere.call.settings import Settings
from localrank_cohere.dialects.endpoints import without_query
from localrank_cohere.dialects.table import Dialect
from localrank_cohere.http.headers import answer_headers, secrets_in
from localrank_cohere.http.redaction import Redactor, redactor
from localrank_cohere.http.transport import Answer, Connections
from localrank_cohere.wire.answers import Reading, read, with_header_tokens
from localrank_cohere.wire.failures import failure
from localrank_cohere.wire.words import text_of

__all__ = ["Exchange", "Read"]

_BASE_BYTES = 1 << 20
_BYTES_A_DOCUMENT = 4_096
_ECHOES = 4
"""An answer may hold the documents again, with escapes of up to three times their bytes."""

_NOT_HERE = frozenset({404, 405})


class Read(Protocol):
    """Returns what the body of a good answer says about `count` documents, or raises `InvalidResponseError`."""

    def __call__(self, dialect: Dialect, text: str, /, *, count: int, source: str) -> Reading:
        """Read `text`; `source` names the server in errors."""
        ...


class Exchange:
    """The requests of one call.

    Args:
        settings: What the reranker was made with.
        connections: The way to its server.
        headers: Of every request; they hold the key.
        reader: Reads a good answer.
    """

    def __init__(
        self, settings: Settings, connections: Connections, headers: Mapping[str, str], reader: Read = read
    ) -> None:
        self._settings = settings
        self._connections = connections
        self._headers = headers
        self._read = reader

    async def ask(self, content: bytes, count: int) -> DoRerankResult | RerankError:
        """Send a request and return the ranking of its `count` documents, or the error that its end means."""
        endpoint, known = self._settings.endpoint, self._connections.listening
        url = known.get(endpoint.url, endpoint.url)
        outcome = await self._ask(url, content, count)
        if (
            endpoint.second is None
            or url != endpoint.url
            or getattr(outcome, "status", None) not in _NOT_HERE
        ):
            return outcome
        second = await self._ask(endpoint.second, content, count)
        if isinstance(second, DoRerankResult):
            known[endpoint.url] = endpoint.second
        if getattr(second, "status", None) not in _NOT_HERE or not isinstance(outcome, RerankError):
            return second
        outcome.hint = (
            f"{outcome.hint} {without_query(endpoint.second)} was asked too, and it is not there either."
        )
        return outcome

    async def _ask(self, url: str, content: bytes, count: int) -> DoRerankResult | RerankError:
        """Send a request, and once more where the service refuses credentials that can be renewed."""
        outcome = await self._sent(url, content, count)
        credentials = self._settings.credentials
        if (
            credentials is not None
            and isinstance(outcome, APICallError)
            and await credentials.renewed(outcome)
        ):
            return await self._sent(url, content, count)
        return outcome

    async def _sent(self, url: str, content: bytes, count: int) -> DoRerankResult | RerankError:
        headers = await self._signed(Unsigned(url, self._headers, content))
        if isinstance(headers, RerankError):
            return headers
        secrets = redactor(secrets_in(headers, url))
        limit = _BASE_BYTES + _BYTES_A_DOCUMENT * count + _ECHOES * len(content)
        answer = await self._connections.post(url, headers, content, limit=limit, redactor=secrets)
        return answer if isinstance(answer, RerankError) else self._meaning(answer, url, count, secrets)

    async def _signed(self, request: Unsigned) -> Mapping[str, str] | RerankError:
        credentials, most = self._settings.credentials, self._connections.timeout
        if credentials is None:
            return request.headers
        try:
            with anyio.move_on_after(most):
                return {**request.headers, **await credentials.headers(request, self._connections)}
        except RerankError as error:
            return error.with_traceback(None)
        return ConnectionFailedError(
            f"No credentials for {self._settings.dialect.provider} came within timeout={most:g} s.",
            hint="Look at what provides them.",
        )

    def _meaning(
        self, answer: Answer, url: str, count: int, secrets: Redactor
    ) -> DoRerankResult | RerankError:
        settings, clean = self._settings, secrets.text
        dialect, provider = settings.dialect, settings.dialect.provider
        text = text_of(answer.body, answer.headers.get("content-type", ""))
        source = f"{provider} at {without_query(url)}"
        headers = answer_headers(answer.headers, clean)
        if not 200 <= answer.status < 300:
            others = [other for other in settings.endpoint.others if other != settings.endpoint.second]
            return failure(provider, url, answer.status, headers, text, others=others, clean=clean)
        try:
            if answer.is_cut:
                raise InvalidResponseError(
                    f"The answer of {source} is larger, or in more pieces, than any for {count} documents: it was not read "
                    f"on after {len(answer.body):,} bytes.",
                    hint="Look whether base_url and dialect fit the server.",
                )
            reading = self._read(dialect, text, count=count, source=source)
        except InvalidResponseError as error:
            return InvalidResponseError(clean(error.message), hint=error.hint)
        value = secrets.value
        told, served_by = told_outcome(headers, reading.rest)
        return DoRerankResult(
            [
                replace(item, metadata=value(item.metadata)) if item.metadata else item
                for item in reading.results
            ],
            usage=with_header_tokens(reading.usage, dialect, headers),
            warnings=tuple(
                replace(warning, message=clean(warning.message)) for warning in (*reading.warnings, *told)
            ),
            served_by=value(served_by),
            provider_metadata=value(reading.rest),
            response=RerankResponse(
                model_id=value(reading.model_id) or settings.model or provider,
                id=value(reading.id),
                headers=headers,
            ),
        )
