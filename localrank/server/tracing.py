"""A span for each request to rank, and below it one for each call of a model, by the hooks of `rerank`.

Without `opentelemetry-api` (extra `otel`) there are none, and with it alone they cost next to nothing; an SDK that the process
sets up, as `opentelemetry-instrument` does, gets them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from localrank.compose.otel import (
    CANDIDATES,
    ERROR_TYPE,
    INPUT_TOKENS,
    OPERATION,
    OUTCOME,
    OUTCOME_REASONS,
    PROVIDER,
    REQUEST_MODEL,
    RESPONSE_MODEL,
    SERVED_BY,
    TOP_N,
)
from localrank.contract.errors import RerankError
from localrank.contract.events import CallEnded, CallFailed, CallStarted
from localrank.server.door.gate import Course, path_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

__all__ = ["RequestSpan", "Tracing"]

REQUEST_ID = "localrank.request_id"
DIALECT = "localrank.dialect"
REQUEST_OUTCOME = "localrank.request.outcome"
METHOD = "http.request.method"
PATH = "url.path"
STATUS = "http.response.status_code"
"""Those beginning with `localrank` are ours; the others are of OpenTelemetry's conventions for HTTP."""


class Tracing:
    """Makes the spans of one application.

    Args:
        tracer: None means the global provider's tracer `localrank`, or no spans where `opentelemetry-api` is not installed.
    """

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = _global_tracer() if tracer is None else tracer

    @contextmanager
    def request(self, request: Request, course: Course) -> Iterator[RequestSpan]:
        """Hold a span of the kind SERVER, below the span that the client's `traceparent` names; no text gets into it.

        `course` is read at the end, when the dialect, the model and the outcome are known.
        """
        if self._tracer is None:
            yield RequestSpan(None)
            return
        from opentelemetry.propagate import extract  # noqa: PLC0415
        from opentelemetry.trace import SpanKind  # noqa: PLC0415

        path = path_of(request.scope)
        with self._tracer.start_as_current_span(
            f"POST {path}",
            context=extract(request.headers),
            kind=SpanKind.SERVER,
            attributes={METHOD: "POST", PATH: path, REQUEST_ID: course.request_id},
            record_exception=False,  # a message may hold content
            set_status_on_exception=False,
        ) as span:
            watched = RequestSpan(self._tracer)
            try:
                yield watched
            finally:
                watched.end_calls()
                span.set_attribute(DIALECT, course.dialect.name if course.dialect else "none")
                span.set_attribute(REQUEST_MODEL, course.model)
                span.set_attribute(REQUEST_OUTCOME, course.outcome)
                if watched.status is not None:
                    span.set_attribute(STATUS, watched.status)
                if watched.status is None or watched.status >= 500:
                    _mark(span, course.outcome)


class RequestSpan:
    """What one request tells its span.

    Attributes:
        status: The HTTP status, once there is one.
    """

    def __init__(self, tracer: Tracer | None) -> None:
        self.status: int | None = None
        self._tracer = tracer
        self._calls: dict[str, Span] = {}

    @property
    def hooks(self) -> dict[str, Any]:
        """Arguments of `rerank` that make a span of the call."""
        if self._tracer is None:
            return {}
        return {"on_start": self._started, "on_end": self._ended, "on_error": self._failed}

    def end_calls(self) -> None:
        """End what was stopped before it could say so."""
        while self._calls:
            self._calls.popitem()[1].end()

    def _started(self, event: CallStarted) -> None:
        assert self._tracer is not None
        attributes: dict[str, str | int] = {
            OPERATION: "rerank",
            PROVIDER: event.provider,
            REQUEST_MODEL: event.model_id,
            CANDIDATES: event.document_count,
        }
        if event.top_k is not None:
            attributes[TOP_N] = event.top_k
        self._calls[event.call_id] = self._tracer.start_span(
            f"rerank {event.model_id}", attributes=attributes
        )

    def _ended(self, event: CallEnded) -> None:
        span = self._calls.pop(event.call_id)
        span.set_attribute(RESPONSE_MODEL, event.result.response.model_id)
        outcome = event.result.outcome
        span.set_attribute(OUTCOME, outcome.kind)
        span.set_attribute(SERVED_BY, outcome.served_by)
        if outcome.reasons:
            span.set_attribute(OUTCOME_REASONS, outcome.reasons)
        if event.result.usage.input_tokens is not None:
            span.set_attribute(INPUT_TOKENS, event.result.usage.input_tokens)
        span.end()

    def _failed(self, event: CallFailed) -> None:
        span = self._calls.pop(event.call_id, None)
        if span is None:  # it was refused before it began
            return
        error = event.error
        _mark(span, error.code if isinstance(error, RerankError) else type(error).__qualname__)
        span.end()


def _global_tracer() -> Tracer | None:
    try:
        from opentelemetry.trace import get_tracer  # noqa: PLC0415
    except ImportError:
        return None
    return get_tracer("localrank")


def _mark(span: Span, error_type: str) -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

    span.set_attribute(ERROR_TYPE, error_type)
    span.set_status(Status(StatusCode.ERROR))
