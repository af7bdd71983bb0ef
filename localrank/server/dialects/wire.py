"""What a request asks and what refuses it, the same for every dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localrank.contract.errors import (
    APICallError,
    InvalidRequestError,
    RateLimitError,
    RerankError,
    RerankTimeoutError,
    RetryError,
    UnknownModelError,
)
from localrank.contract.types import RerankOutcome

__all__ = ["Answer", "RankRequest", "RefusedError", "Scored", "refusal_of"]


@dataclass(frozen=True, slots=True, repr=False)
class RankRequest:
    """One query and its candidates, out of whichever dialect.

    Attributes:
        query: The text to rank against.
        texts: What is scored, one a document.
        originals: The documents as the client sent them, for a dialect that sends them back.
        top_k: How many results the client wants; None means all.
        model: The name that the client gave; None means the server's first model.
        instruction: What "relevant" means, where the dialect has a place for it.
        echo: Whether results carry their document.
        raw_scores: Whether logits are wanted in place of scores.
        refuse_long: Whether a document that does not fit is an error; otherwise it is cut.
        tokens_a_document: Tokens after which a document is to be cut, or None for the model's own window.
        unheeded: Fields of the dialect that were set and have no meaning here; the answer says so.
    """

    query: str
    texts: Sequence[str]
    originals: Sequence[Any]
    top_k: int | None = None
    model: str | None = None
    instruction: str | None = None
    echo: bool = False
    raw_scores: bool = False
    refuse_long: bool = False
    tokens_a_document: int | None = None
    unheeded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """One place of the ranking, as a dialect writes it down."""

    index: int
    score: float
    truncated: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What is known once a request was ranked.

    Attributes:
        id: The request's id.
        model: The name under which the server offers the model.
        ranked: Best first, cut to what was asked for.
        request: What was asked.
        tokens: Tokens that the model read; 0 where it does not say.
        outcome: Whether the model asked for ranked all of it, and if not, why and who served.
        warnings: Remarks of the model and of the server, in words.
    """

    id: str
    model: str
    ranked: Sequence[Scored]
    request: RankRequest
    tokens: int = 0
    outcome: RerankOutcome = field(default_factory=RerankOutcome)
    warnings: Sequence[str] = ()


class RefusedError(Exception):
    """The server does not answer with a ranking; each dialect gives this its own shape.

    Attributes:
        status: The HTTP status.
        message: What is wrong and what to do; never a text of the request.
        kind: A stable word for programs and metrics.
        headers: Headers of the answer, such as `Retry-After`.
    """

    def __init__(
        self, status: int, message: str, kind: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class _Rule:
    status: int
    kind: str
    errors: tuple[type[BaseException], ...] = field(default=())


_RULES = (
    _Rule(422, "invalid_request", (InvalidRequestError,)),
    _Rule(404, "unknown_model", (UnknownModelError,)),
    _Rule(504, "timeout", (RerankTimeoutError,)),
    _Rule(429, "upstream_rate_limit", (RateLimitError,)),
    _Rule(502, "upstream", (APICallError,)),
)


def refusal_of(error: RerankError) -> RefusedError:
    """Return the refusal for what a model raised.

    A model's own words may quote what it was given, so of errors that are not the client's only the kind leaves the server; the
    log has the rest.
    """
    if isinstance(error, RetryError) and isinstance(error.last_error, RerankError):
        return refusal_of(error.last_error)
    for rule in _RULES:
        if isinstance(error, rule.errors):
            break
    else:
        return RefusedError(
            500, f"The model could not rank ({error.code}); the server's log says why.", error.code
        )
    if rule.status < 500 and rule.kind != "upstream_rate_limit":
        return RefusedError(rule.status, str(error), rule.kind)
    if rule.kind == "timeout":
        return RefusedError(504, str(error), rule.kind)
    seconds = getattr(error, "retry_after", None)
    headers = {"Retry-After": str(max(1, round(seconds)))} if seconds is not None else {}
    return RefusedError(
        rule.status,
        f"The service behind this model answered {getattr(error, 'status', None) or 'nothing'}.",
        rule.kind,
        headers,
    )
