"""Every error that localrank raises, in one tree.

RerankError                 code, hint; the message says what happened and what to do next
├─ InvalidRequestError      (ValueError) a bad argument; names it
│  └─ InvalidDataError      a data file that cannot be used; names file and line
├─ UnknownModelError        (LookupError) no such provider, model or alias; offers near names
├─ MissingDependencyError   (ImportError) names the install command
├─ MissingAPIKeyError       names the environment variable
├─ ModelLoadError           files absent, corrupt or unsupported; the next call may succeed
├─ InferenceError           the engine failed on loaded weights
├─ APICallError             url (no key), status, request_id, retry_after, is_retryable
│  └─ AuthenticationError · RateLimitError · ServerError · ConnectionFailedError
├─ InvalidResponseError     a model broke the contract
├─ RetryError               reason, errors, last_error
├─ RerankTimeoutError       (TimeoutError)
└─ RerankAbortedError       phase: before_start | waiting | in_call
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit, urlunsplit

from localrank.contract.retry_after import read_retry_after

__all__ = [
    "APICallError",
    "AbortPhase",
    "AuthenticationError",
    "ConnectionFailedError",
    "InferenceError",
    "InvalidDataError",
    "InvalidRequestError",
    "InvalidResponseError",
    "MissingAPIKeyError",
    "MissingDependencyError",
    "ModelLoadError",
    "RateLimitError",
    "RerankAbortedError",
    "RerankError",
    "RerankTimeoutError",
    "RetryError",
    "ServerError",
    "UnknownModelError",
]

AbortPhase = Literal["before_start", "waiting", "in_call"]

RETRYABLE_STATUSES = frozenset({408, 409, 429})
"""Statuses below 500 that a second attempt may mend (the rule of the Vercel AI SDK)."""

_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "api-key", "x-api-key", "cookie", "set-cookie"}
)


class RerankError(Exception):
    """Base of every error here.

    Attributes:
        code: A stable identifier of the kind of error, for programs.
        message: What happened, with the offending value.
        hint: What to do next, or None; it is part of `str(error)`.
        is_retryable: Whether the same call may succeed when it is repeated.
        pair_index: Which of the pairs of `rerank_many` failed, from 0; None for a call on its own.
        finished_results: Of `rerank_many`, the results that were there when it failed, by their pairs' positions.
    """

    code: ClassVar[str] = "rerank_error"
    is_retryable: bool = False
    pair_index: int | None = None
    finished_results: Mapping[int, Any] = MappingProxyType({})

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class InvalidRequestError(RerankError, ValueError):
    """An argument that cannot work; the message names it and the mend."""

    code = "invalid_request"


class InvalidDataError(InvalidRequestError):
    """A file or folder of data that cannot be used; the message names it, with the line, and what is wanted."""

    code = "invalid_data"


class UnknownModelError(RerankError, LookupError):
    """No provider, model or alias of that name; the hint offers near names."""

    code = "unknown_model"


class MissingDependencyError(RerankError, ImportError):
    """An optional package is absent; the hint is the install command."""

    code = "missing_dependency"


class MissingAPIKeyError(RerankError):
    """A remote provider has no key; the hint names the environment variable."""

    code = "missing_api_key"


class ModelLoadError(RerankError):
    """Model files are absent, corrupt or unsupported. Never cached: the next call tries again."""

    code = "model_load"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(
            message, hint=hint or "Fetch or save its files anew; if they are whole, take another model."
        )


class InferenceError(RerankError):
    """The engine failed while it computed scores, or the process has no thread or file left for the call."""

    code = "inference"


class APICallError(RerankError):
    """A remote call failed.

    Args:
        message: What happened, in the server's words where it gave any.
        url: The address called; user info, query and fragment are dropped, since keys travel there.
        status: The HTTP status, or None when no answer came.
        headers: The answer's headers; those that can hold a secret are replaced by `***`.
        body: The answer's text.
        request_id: The server's name for this request.
        retry_after: Seconds to wait; read from `headers` when not given.
        is_retryable: Overrides the rule: 408, 409, 429 and ≥ 500 are retryable.
    """

    code = "api_call"
    _retryable_without_status: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        url: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        is_retryable: bool | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.url = _without_secrets(url)
        self.status = status
        self.headers = _masked(headers)
        self.body = body
        self.request_id = request_id
        self.retry_after = read_retry_after(headers) if retry_after is None else retry_after
        self.is_retryable = self._is_retryable(status) if is_retryable is None else is_retryable

    def _is_retryable(self, status: int | None) -> bool:
        if status is None:
            return self._retryable_without_status
        return status in RETRYABLE_STATUSES or status >= 500


class AuthenticationError(APICallError):
    """The server refused the key (401 or 403)."""

    code = "authentication"


class RateLimitError(APICallError):
    """Too many requests (429); `retry_after` says how long to wait where the server said it."""

    code = "rate_limit"
    _retryable_without_status = True


class ServerError(APICallError):
    """The server failed (≥ 500)."""

    code = "server"
    _retryable_without_status = True


class ConnectionFailedError(APICallError):
    """No answer came: refused, reset, unresolved or timed out."""

    code = "connection_failed"
    _retryable_without_status = True


class InvalidResponseError(RerankError):
    """A model broke the contract: an index out of range, a score that is no finite number, a wrong type."""

    code = "invalid_response"


class RetryError(RerankError):
    """Several attempts failed.

    Args:
        reason: `max_retries_exceeded`, or `not_retryable` when a later attempt met a final error.
        errors: The error of each attempt, in order.
    """

    code = "retry"

    def __init__(
        self,
        message: str,
        *,
        reason: Literal["max_retries_exceeded", "not_retryable"] = "max_retries_exceeded",
        errors: Sequence[Exception] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.errors = tuple(errors)

    @property
    def last_error(self) -> Exception | None:
        """The error of the last attempt."""
        return self.errors[-1] if self.errors else None


class RerankTimeoutError(RerankError, TimeoutError):
    """The call's `timeout` passed, attempts and waits together."""

    code = "timeout"


class RerankAbortedError(RerankError):
    """The caller's abort token was set.

    Args:
        message: What was stopped.
        phase: `before_start` (the model was not called), `waiting` (between attempts) or `in_call`.
    """

    code = "aborted"

    def __init__(
        self,
        message: str = "The abort token was set, so the reranking was stopped.",
        *,
        phase: AbortPhase = "in_call",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.phase: AbortPhase = phase


def _without_secrets(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return "<invalid address>"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _masked(headers: Mapping[str, str] | None) -> dict[str, str] | None:
    if headers is None:
        return None
    return {name: "***" if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}
