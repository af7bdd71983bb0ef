"""The shipped kit on every wrapper, over a pointwise, a remote and a listwise model, and for nests three deep.

Each test runs the whole kit on one composition; its error names every rule that is broken.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from localrank import (
    Batched,
    Cached,
    Calibrated,
    Cascade,
    Chunked,
    Diversified,
    Fallback,
    Fused,
    Identity,
    InvalidRequestError,
    Limited,
    RerankerModel,
    SQLiteStore,
    When,
    wrapped,
)
from localrank.compose.otel import traced
from localrank.compose.single.calibration import fit_calibration
from localrank.testing import LexicalReranker, run_conformance
from localrank_cohere import CohereReranker
from tests.support.rerank_server import RerankServer
from tests.support.small_models import Listwise

pytestmark = pytest.mark.anyio

Make = Callable[[RerankerModel], RerankerModel]

CALIBRATION = fit_calibration([0.1, 0.2, 0.3, 0.4, 0.5], [False, True, False, True, True])


def same_options(options):
    return options


ANY: dict[str, Make] = {
    "cascade-first": lambda model: Cascade(model, LexicalReranker(), keep=3),
    "cascade-second": lambda model: Cascade(LexicalReranker(), model, keep=3),
    "fallback": lambda model: Fallback(model, Identity()),
    "fused-rrf": lambda model: Fused([model, LexicalReranker()]),
    "fused-weighted": lambda model: Fused([model, LexicalReranker()], method="weighted", normalize="z"),
    "chunked": lambda model: Chunked(model, chunk_tokens=16),
    "limited": lambda model: Limited(model, rate=10_000, concurrency=2, tokens_per_minute=10**9),
    "diversified": lambda model: Diversified(model, candidates=4),
    "wrapped": lambda model: wrapped(model, transform_options=same_options),
    "traced": traced,
    "when": lambda model: When(model, min_documents=1),
}
"""Wrappers that take models of any kind."""

POINTWISE: dict[str, Make] = {
    "cached": Cached,
    "calibrated": lambda model: Calibrated(model, CALIBRATION),
    "batched": lambda model: Batched(model, max_documents=2),
}
"""Wrappers that refuse a model whose scores depend on the list."""

NESTS: dict[str, Make] = {
    "cascade of caches and fallbacks": lambda model: Cascade(
        Cached(Batched(model, max_documents=3)),
        Fallback(Chunked(Limited(model, concurrency=2), chunk_tokens=16), Identity()),
        keep=4,
    ),
    "diversified fusion of calibrated chunks": lambda model: Diversified(
        Fused([Cached(Calibrated(Chunked(model), CALIBRATION)), Limited(Listwise(), concurrency=3)])
    ),
    "fallback of cascades of fusions": lambda model: Fallback(
        Cascade(Fused([model, LexicalReranker()]), Chunked(model), keep=3), model, stage_timeout=30
    ),
}


@pytest.mark.parametrize("name", [*ANY, *POINTWISE])
async def test_over_a_pointwise_model(name):
    make = {**ANY, **POINTWISE}[name]
    await run_conformance(lambda: make(LexicalReranker()))


@pytest.fixture(scope="module")
def server():
    with RerankServer("cohere") as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ANY, *POINTWISE])
async def test_over_a_remote_model(name, server):
    make = {**ANY, **POINTWISE}[name]
    await run_conformance(lambda: make(CohereReranker("rerank-v3.5", api_key="key", base_url=server.url)))


@pytest.mark.parametrize("name", ANY)
async def test_over_a_listwise_model(name):
    await run_conformance(lambda: ANY[name](Listwise()))


@pytest.mark.parametrize("name", POINTWISE)
async def test_a_listwise_model_is_refused_with_the_reason(name):
    with pytest.raises(InvalidRequestError, match="cannot be compared"):
        POINTWISE[name](Listwise())


@pytest.mark.parametrize("name", NESTS)
async def test_three_deep(name):
    await run_conformance(lambda: NESTS[name](LexicalReranker()))


@pytest.mark.slow
@pytest.mark.parametrize("name", NESTS)
async def test_three_deep_over_a_remote_model(name, server):
    make = NESTS[name]
    await run_conformance(lambda: make(CohereReranker("rerank-v3.5", api_key="key", base_url=server.url)))


async def test_identity():
    await run_conformance(Identity)


async def test_a_cache_on_disk(tmp_path):
    names = iter(range(1000))

    def make() -> RerankerModel:
        return Cached(LexicalReranker(), SQLiteStore(tmp_path / f"{next(names)}.sqlite"))

    await run_conformance(make)
