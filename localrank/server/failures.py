"""What an error becomes: a refusal for the client, and words for the log that hold no text of a request."""

from __future__ import annotations

import traceback

from localrank.contract.errors import (
    APICallError,
    InvalidResponseError,
    MissingAPIKeyError,
    MissingDependencyError,
    ModelLoadError,
    RerankError,
    RetryError,
    UnknownModelError,
)
from localrank.server.dialects.wire import RefusedError, refusal_of

__all__ = ["ending", "reason_of", "refused_for"]

_SPEAK_OF_NO_TEXT = (
    InvalidResponseError,
    MissingAPIKeyError,
    MissingDependencyError,
    ModelLoadError,
    UnknownModelError,
)
"""Errors whose words are ours and speak of the model and the machine only."""

_CAUSES = 4


def refused_for(error: Exception) -> RefusedError:
    """Return what the client is told of `error`."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, RerankError):
        return refusal_of(error)
    return RefusedError(500, "Something unexpected happened; the server's log says what.", "internal")


def ending() -> RefusedError:
    """Return the refusal of what comes too late."""
    return RefusedError(503, "The server is ending.", "ending", {"Retry-After": "5"})


def reason_of(error: BaseException) -> str:
    """Return the kinds of an error and its causes, and where it was raised, but no foreign words: they may quote a document."""
    kinds: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(kinds) < _CAUSES:
        kinds.append(_kind_of(seen))
        last, seen = seen, seen.last_error if isinstance(seen, RetryError) else seen.__cause__
    frames = traceback.extract_tb(last.__traceback__)[-2:]
    places = ", ".join(f"{frame.filename}:{frame.lineno}" for frame in frames)
    return f"{' from '.join(kinds)} at {places}" if places else " from ".join(kinds)


def _kind_of(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, APICallError):
        return f"{name} ({error.status or 'no answer'})"
    return f"{name}: {error}" if isinstance(error, _SPEAK_OF_NO_TEXT) else name
