"""Whatever is nested into whatever: each document is ranked once, in order, and no more than `top_k` come back."""

from __future__ import annotations

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from localrank import (
    Batched,
    Cached,
    Calibrated,
    Cascade,
    Chunked,
    Diversified,
    DoRerankOptions,
    Fallback,
    Fused,
    Identity,
    InvalidRequestError,
    Limited,
    Retrieved,
    ServerError,
    When,
)
from localrank.compose.single.calibration import fit_calibration
from localrank.contract.model import score_kind
from localrank.providers.calls import call_model
from tests.support.small_models import Failing, Listwise, Scoring

CALIBRATION = fit_calibration([1.0, 2.0, 3.0, 4.0], [False, True, False, True])

LEAVES = st.sampled_from(
    [
        Scoring,
        lambda: Scoring(lambda text: -len(text), score_kind="logit"),
        Listwise,
        Identity,
        Retrieved,
        lambda: Fallback(Failing(ServerError("down", status=500)), Identity()),
    ]
).map(lambda make: make())


def grown(inner):
    """Return a strategy of wrappers over what `inner` gives; what a wrapper refuses stays as it is."""

    def attempt(make, *models):
        try:
            return make(*models)
        except InvalidRequestError:
            return models[0]

    one = st.sampled_from(
        [
            Cached,
            lambda model: Batched(model, max_documents=3),
            lambda model: Chunked(model, chunk_tokens=3),
            lambda model: Chunked(model, chunk_tokens=3, pool="mean"),
            lambda model: Calibrated(model, CALIBRATION),
            lambda model: Diversified(model, candidates=3),
            lambda model: Limited(model, concurrency=2),
            lambda model: When(model, min_documents=3),
        ]
    )
    two = st.sampled_from(
        [
            lambda a, b: Cascade(a, b, keep=2),
            Fallback,
            lambda a, b: Fused([a, b]),
            lambda a, b: Fused([a, b], method="weighted", normalize="min-max"),
        ]
    )
    return st.builds(attempt, one, inner) | st.builds(attempt, two, inner, inner)


NESTS = st.recursive(LEAVES, grown, max_leaves=5)
DOCUMENTS = st.lists(st.text(alphabet="ab .", max_size=20), min_size=1, max_size=8)


@settings(deadline=None, max_examples=150)
@given(NESTS, DOCUMENTS, st.integers(min_value=1, max_value=8) | st.none())
def test_each_document_is_ranked_once_and_in_order(model, documents, top_k):
    wanted = len(documents) if top_k is None else min(top_k, len(documents))
    options = DoRerankOptions(
        "a b",
        tuple(documents),
        first_stage_scores=tuple(float(-index) for index in range(len(documents))),
        top_k=None if top_k is None else wanted,
    )
    answer = anyio.run(call_model, model, options)
    assert len(answer.results) == wanted
    assert len({item.index for item in answer.results}) == wanted
    assert "incomplete_ranking" not in {warning.type for warning in answer.warnings}
    if score_kind(model) == "probability":
        assert all(0 <= item.score <= 1 for item in answer.results)
