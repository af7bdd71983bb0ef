"""Spans of requests and of the calls below them, with OpenTelemetry's own SDK."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from localrank import DoRerankOptions, DoRerankResult
from localrank.server import Limits, create_app
from localrank.testing import LexicalReranker
from tests.support.serving import logged, serving, wait_until

SECRET = "parsley"
BODY = {"query": f"tomato {SECRET}", "documents": ["a city", f"tomato {SECRET} soup"]}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Breaking:
    model_id, provider = "breaking", "testing"

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        raise ValueError(f"cannot read {options.documents[0]}")


@pytest.fixture
def spans():
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    exporter.tracer = provider.get_tracer("test")
    yield exporter
    provider.shutdown()


def finished(spans: Any, count: int) -> list[Any]:
    """Return the spans, the request's own first; it ends a moment after its answer is sent."""
    wait_until(lambda: len(spans.get_finished_spans()) >= count)
    return sorted(spans.get_finished_spans(), key=lambda span: span.start_time)


def test_a_request_is_a_span_and_the_models_call_one_below_it(
    spans: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app({"words": LexicalReranker()}, tracer=spans.tracer)
    with caplog.at_level(logging.INFO, "localrank.server.access"), serving(app) as client:
        client.post("/v1/rerank", {**BODY, "top_n": 1}, X_Request_ID="abc-1", Traceparent=PARENT)
        request, call = finished(spans, 2)
        wait_until(lambda: logged(caplog.records, "abc-1"))
    (record,) = logged(caplog.records, "abc-1")

    assert (request.name, request.kind) == ("POST /v1/rerank", SpanKind.SERVER)
    assert dict(request.attributes) == {
        "http.request.method": "POST",
        "url.path": "/v1/rerank",
        "http.response.status_code": 200,
        "localrank.request_id": record["id"],
        "localrank.dialect": record["dialect"],
        "localrank.request.outcome": record["outcome"],
        "gen_ai.request.model": record["model"],
    }
    assert (record["id"], record["dialect"], record["outcome"]) == ("abc-1", "jina", "ok")
    assert format(request.context.trace_id, "032x") == PARENT.split("-")[1]
    assert format(request.parent.span_id, "016x") == PARENT.split("-")[2]
    assert call.parent.span_id == request.context.span_id
    assert (call.name, call.attributes["gen_ai.rerank.candidate.count"]) == ("rerank default", 2)
    assert call.attributes["gen_ai.usage.input_tokens"] > 0
    assert (call.attributes["localrank.outcome"], call.attributes["localrank.served_by"]) == (
        "ranked",
        "lexical:default",
    )


def test_the_rankings_of_a_score_are_spans_below_one_request(spans: Any) -> None:
    with serving(create_app({"words": LexicalReranker()}, tracer=spans.tracer)) as client:
        client.post("/score", {"text_1": ["a", "b"], "text_2": ["a", "b"]})
        request, *calls = finished(spans, 3)

    assert request.attributes["localrank.dialect"] == "score"
    assert [call.parent.span_id for call in calls] == [request.context.span_id] * 2


@pytest.mark.parametrize(
    ("model", "body", "status", "outcome"),
    [
        (Breaking(), BODY, 500, "internal"),
        (LexicalReranker(), {**BODY, "model": "nothing"}, 404, "unknown_model"),
        (LexicalReranker(), {**BODY, "documents": [SECRET] * 4}, 422, "limit"),
    ],
)
def test_a_refusal_is_told_without_a_text(
    spans: Any, model: Any, body: Any, status: int, outcome: str
) -> None:
    app = create_app({"model": model}, limits=Limits(max_documents=3), tracer=spans.tracer)
    with serving(app) as client:
        client.post("/v1/rerank", body)
        wait_until(lambda: any(span.kind == SpanKind.SERVER for span in spans.get_finished_spans()))
    request = next(span for span in spans.get_finished_spans() if span.kind == SpanKind.SERVER)

    assert request.attributes["http.response.status_code"] == status
    assert request.attributes["localrank.request.outcome"] == outcome
    assert (request.status.status_code is StatusCode.ERROR) == (status >= 500)
    assert SECRET not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_without_an_sdk_and_without_the_package_requests_are_answered() -> None:
    script = """
import sys
sys.modules["opentelemetry"] = sys.modules["opentelemetry.trace"] = None
from localrank.server import create_app
from localrank.testing import LexicalReranker
from tests.support.serving import serving
with serving(create_app({"words": LexicalReranker()})) as client:
    print(client.post("/v1/rerank", {"query": "a", "documents": ["b", "a"]}).body["results"][0]["index"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, text=True, timeout=100
    )

    assert (done.stdout.strip(), done.returncode) == ("1", 0), done.stderr
