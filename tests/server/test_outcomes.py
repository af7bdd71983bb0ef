"""What became of a ranking is told with it, in the metrics and in the log."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    Fallback,
    RerankWarning,
    ScoredIndex,
    ServerError,
    rerank_sync,
)
from localrank.providers.unscored import unscored
from localrank.server import create_app
from localrank.testing import LexicalReranker
from localrank_cohere import CohereReranker
from tests.support.serving import Client, logged, serving, wait_until

TEXTS = ["paris", "tomato soup"]
BODIES = {
    "/v1/rerank": {"query": "soup", "documents": TEXTS},
    "/v2/rerank": {"query": "soup", "documents": TEXTS},
    "/tei/rerank": {"query": "soup", "texts": TEXTS},
    "/voyage/v1/rerank": {"query": "soup", "documents": TEXTS},
    "/mixedbread/v1/reranking": {"query": "soup", "input": TEXTS},
    "/pinecone/rerank": {"query": "soup", "documents": [{"text": text} for text in TEXTS]},
    "/score": {"text_1": ["soup", "paris"], "text_2": TEXTS},
}


class Refusing:
    """Is down, for the queries with soup in them."""

    model_id, provider = "refusing", "testing"

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        if "soup" in options.query:
            raise ServerError("It is down.", status=503)
        return await LexicalReranker().do_rerank(options)


class Lazy:
    """Scores the first document and says that it left out the others."""

    model_id, provider = "lazy", "testing"

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        rest = unscored(range(1, len(options.documents)))
        warning = RerankWarning("incomplete_ranking", "One was enough.")
        return DoRerankResult([ScoredIndex(0, 0.5), *rest], warnings=(warning,))


@pytest.fixture(scope="module")
def two():
    models: dict[str, Any] = {
        "words": LexicalReranker(),
        "second": Fallback(Refusing(), LexicalReranker()),
        "lazy": Lazy(),
    }
    with serving(create_app(models)) as client:
        yield client


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(("model", "kind"), [("words", "ranked"), ("second", "degraded")])
def test_every_dialect_has_the_outcome_in_a_header(two: Client, path: str, model: str, kind: str) -> None:
    reply = two.post(path, {**BODIES[path], "model": model})

    assert (reply.status, reply.headers["x-localrank-outcome"]) == (200, kind)


def test_the_envelope_says_why_and_who_served(two: Client) -> None:
    first = two.post("/v1/rerank", {**BODIES["/v1/rerank"], "model": "words"}).body["meta"]
    second = two.post("/v1/rerank", {**BODIES["/v1/rerank"], "model": "second"}).body["meta"]

    assert first["outcome"] == {"kind": "ranked", "reasons": [], "served_by": "lexical:default"}
    assert second["outcome"] == {"kind": "degraded", "reasons": ["fallback"], "served_by": "lexical:default"}


def test_a_refusal_has_no_outcome(two: Client) -> None:
    assert "x-localrank-outcome" not in two.post("/v1/rerank", {"query": "soup"}).headers


def test_metrics_and_log_have_it(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.INFO, "localrank.server.access"),
        serving(create_app({"second": Fallback(Refusing(), LexicalReranker())})) as client,
    ):
        client.post("/score", BODIES["/score"], X_Request_ID="scored")
        wait_until(lambda: logged(caplog.records, "scored"))
        page = client.get("/metrics").body

    assert logged(caplog.records, "scored")[0]["ranking"] == "degraded"
    for kind in ("ranked", "degraded"):
        assert f'localrank_rankings_total{{model="second",ranking="{kind}"}} 1.0' in page


@pytest.mark.parametrize("dialect", ["cohere", "jina", "tei", "voyage", "mixedbread", "pinecone"])
@pytest.mark.parametrize("kind", ["ranked", "degraded", "partial"])
def test_the_outcome_is_that_of_whoever_asks_through_our_own_reranker(
    two: Client, dialect: str, kind: str
) -> None:
    url = f"{two.url}/voyage" if dialect == "voyage" else two.url
    model = {"ranked": "words", "degraded": "second", "partial": "lazy"}[kind]
    reranker = CohereReranker(model, dialect=dialect, base_url=url, api_key="any")
    result = rerank_sync(reranker, "soup", TEXTS, max_retries=0)

    assert result.outcome.kind == kind
    assert [
        warning.message for warning in result.warnings if kind in warning.message
    ] != [] or kind == "ranked"
    if dialect in {"cohere", "jina"}:
        assert result.outcome.served_by == {"ranked": "lexical:default", "degraded": "lexical:default"}.get(
            kind, "testing:lazy"
        )
