"""A span a call, by the conventions of OpenTelemetry; content stays out unless it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localrank.compose.wrapping.wrapper import Transparent
from localrank.contract.errors import RerankError
from localrank.contract.model import AnyReranker, DoRerankOptions, DoRerankResult
from localrank.providers.calls import call_model, outcome_of
from localrank.providers.extras import imported

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

__all__ = ["Traced", "traced"]

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
CANDIDATES = "gen_ai.rerank.candidate.count"
TOP_N = "gen_ai.rerank.top_n"
SCORES = "gen_ai.rerank.scores"
ERROR_TYPE = "error.type"
OUTCOME = "localrank.outcome"
OUTCOME_REASONS = "localrank.outcome.reasons"
SERVED_BY = "localrank.served_by"
QUERY = "reranker.query"
DOCUMENT = "reranker.output_documents.{}.document.{}"
"""Names of semantic-conventions-genai, issue 253 for those of reranking, and of OpenInference for content; the constants of
`opentelemetry-semantic-conventions` are deprecated, so they stand here. They have no name for what became of a call."""


class Traced(Transparent):
    """A model with a span around each call; made by `traced`. It has the inner model's names."""

    def __init__(
        self, model: AnyReranker | str, *, tracer: Tracer, remote: bool, record_content: bool
    ) -> None:
        super().__init__("traced", model)
        self.provider, self.model_id = self.model.provider, self.model.model_id
        self._tracer, self._remote, self._record_content = tracer, remote, record_content

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Ask the model inside a span."""
        from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415

        attributes: dict[str, str | int] = {
            OPERATION: "rerank",
            PROVIDER: self.provider,
            REQUEST_MODEL: self.model_id,
            CANDIDATES: len(options.documents),
        }
        if options.top_k is not None:
            attributes[TOP_N] = options.top_k
        with self._tracer.start_as_current_span(
            f"rerank {self.model_id}",
            kind=SpanKind.CLIENT if self._remote else SpanKind.INTERNAL,
            attributes=attributes,
            record_exception=False,  # a message may hold content
            set_status_on_exception=False,
        ) as span:
            try:
                answer = await call_model(self.model, options)
            except BaseException as error:
                span.set_attribute(ERROR_TYPE, _error_type(error))
                span.set_status(Status(StatusCode.ERROR))
                raise
            self._describe(span, options, answer)
            return answer

    def _describe(self, span: Span, options: DoRerankOptions, answer: DoRerankResult) -> None:
        response_model = answer.response.model_id if answer.response else self.model_id
        span.set_attribute(RESPONSE_MODEL, response_model)
        outcome = outcome_of(self.model, answer)
        span.set_attribute(OUTCOME, outcome.kind)
        span.set_attribute(SERVED_BY, outcome.served_by)
        if outcome.reasons:
            span.set_attribute(OUTCOME_REASONS, outcome.reasons)
        if answer.usage is not None and answer.usage.input_tokens is not None:
            span.set_attribute(INPUT_TOKENS, answer.usage.input_tokens)
        if not self._record_content:
            return
        span.set_attribute(QUERY, options.query)
        span.set_attribute(SCORES, [item.score for item in answer.results])
        for rank, item in enumerate(answer.results):
            span.set_attribute(DOCUMENT.format(rank, "id"), str(item.index))
            span.set_attribute(DOCUMENT.format(rank, "score"), item.score)
            span.set_attribute(DOCUMENT.format(rank, "content"), options.documents[item.index])


def traced(
    model: AnyReranker | str,
    *,
    tracer: Tracer | None = None,
    remote: bool = False,
    record_content: bool = False,
) -> Traced:
    """Return `model` with a span `rerank MODEL` around each call.

    Args:
        model: The model; wrap inner models too, and their spans nest.
        tracer: None means the global provider's tracer `localrank`.
        remote: Whether the model is a service, so that the span is of the kind CLIENT and not INTERNAL.
        record_content: Whether query, scores and documents are put into the span.

    Raises:
        MissingDependencyError: `opentelemetry-api` is not installed.
    """
    opentelemetry = imported("opentelemetry.trace", "Tracing", "otel")
    chosen = opentelemetry.get_tracer("localrank") if tracer is None else tracer
    return Traced(model, tracer=chosen, remote=remote, record_content=record_content)


def _error_type(error: BaseException) -> str:
    return error.code if isinstance(error, RerankError) else type(error).__qualname__
