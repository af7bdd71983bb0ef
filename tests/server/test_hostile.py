"""Whatever is sent, the answer is a ranking or a refusal in JSON: no 500, no traceback, no hang."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localrank.server import Limits, create_app
from localrank.server.dialects.table import DIALECTS, RERANK_PATHS
from localrank.testing import LexicalReranker
from tests.support.serving import Client, serving

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "query", "documents", "texts", "input", "model", "top_n", "top_k", "return_documents", "rank_fields", "raw_scores",
    "truncate", "truncation", "parameters", "max_tokens_per_doc", "relevant_spans", "instruction", "text_1", "text_2",
)  # fmt: skip
GOOD: dict[str, Any] = {
    "query": "tomato soup",
    "documents": ["a", "b"],
    "texts": ["a", "b"],
    "input": ["a", "b"],
}
PATHS = [*RERANK_PATHS, *(f"/{name}{path}" for name in DIALECTS for path in ("", "/v1/rerank")), "/score"]


@pytest.fixture(scope="module")
def hostile():
    with serving(
        create_app({"words": LexicalReranker()}, limits=Limits(max_body_bytes=200_000, timeout=10))
    ) as served:
        yield served


def check(client: Client, path: str, content: bytes) -> None:
    reply = client.post(path, content)
    assert reply.status in {200, 400, 404, 413, 422}, reply.body
    if reply.status != 200:
        assert reply.body.get("message") or reply.body.get("error")


@settings(max_examples=1_200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(PATHS),
    changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3),
    dropped=st.sets(st.sampled_from(sorted(GOOD)), max_size=2),
)
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_mutated_bodies_are_answered(
    hostile: Client, path: str, changes: dict[str, Any], dropped: set[str]
) -> None:
    body = {
        name: value for name, value in {**GOOD, **changes}.items() if name not in dropped or name in changes
    }

    check(hostile, path, json.dumps(body).encode())


@settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(PATHS),
    start=st.integers(0, 60),
    noise=st.binary(max_size=12),
    keep=st.integers(0, 80),
)
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_mutated_bytes_are_answered(hostile: Client, path: str, start: int, noise: bytes, keep: int) -> None:
    good = json.dumps(GOOD).encode()

    check(hostile, path, good[:start] + noise + good[start + len(noise) :][:keep])
