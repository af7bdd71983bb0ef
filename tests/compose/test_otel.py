"""Spans: their name, attributes and errors, with OpenTelemetry's own SDK."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from localrank import Cascade, Fallback, MissingDependencyError, RerankUsage, ServerError, rerank
from localrank.compose.otel import traced
from tests.support.small_models import Failing, Scoring

pytestmark = pytest.mark.anyio


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    exporter.tracer = provider.get_tracer("test")
    yield exporter
    provider.shutdown()


async def test_a_span_says_what_was_asked_and_what_it_cost(spans):
    model = traced(Scoring(usage=RerankUsage(input_tokens=9)), tracer=spans.tracer)
    await rerank(model, "secret query", ["secret a", "secret b"], top_k=1)
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind) == ("rerank scoring", SpanKind.INTERNAL)
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "rerank",
        "gen_ai.provider.name": "small",
        "gen_ai.request.model": "scoring",
        "gen_ai.response.model": "scoring",
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.rerank.candidate.count": 2,
        "gen_ai.rerank.top_n": 1,
        "localrank.outcome": "ranked",
        "localrank.served_by": "small:scoring",
    }


async def test_a_span_says_that_another_model_served_and_why(spans):
    down = Failing(ServerError("down", status=503))
    await rerank(traced(Fallback(down, Scoring(name="second")), tracer=spans.tracer), "q", ["a", "bb"])
    (span,) = spans.get_finished_spans()
    told = {name: value for name, value in span.attributes.items() if name.startswith("localrank.")}
    assert told == {
        "localrank.outcome": "degraded",
        "localrank.outcome.reasons": ("fallback",),
        "localrank.served_by": "small:second",
    }


async def test_content_is_recorded_only_when_asked_for(spans):
    await rerank(traced(Scoring(), tracer=spans.tracer, record_content=True), "q", ["a", "bb"])
    attributes = spans.get_finished_spans()[0].attributes
    assert attributes["reranker.query"] == "q"
    assert attributes["gen_ai.rerank.scores"] == (2.0, 1.0)
    assert attributes["reranker.output_documents.0.document.content"] == "bb"


async def test_a_failed_call_has_its_code_and_no_message(spans):
    model = traced(Failing(ServerError("secret words", status=500)), tracer=spans.tracer, remote=True)
    with pytest.raises(ServerError):
        await rerank(model, "q", ["a"], max_retries=0)
    (span,) = spans.get_finished_spans()
    assert (span.kind, span.status.status_code) == (SpanKind.CLIENT, StatusCode.ERROR)
    assert span.attributes["error.type"] == "server"
    assert span.events == ()
    assert span.status.description is None


async def test_spans_of_inner_models_nest(spans):
    inner = traced(Scoring(name="inner"), tracer=spans.tracer)
    await rerank(traced(Cascade(inner, Scoring()), tracer=spans.tracer), "q", ["a"])
    first, last = spans.get_finished_spans()
    assert first.name == "rerank inner"
    assert first.parent.span_id == last.context.span_id


async def test_without_the_package_the_install_command_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "localrank\[otel\]"'):
        traced(Scoring())
