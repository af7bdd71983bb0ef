"""Requests that went wrong on their way: strategies for bodies with other values, and for other bytes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from localrank.server.dialects.table import DIALECTS, RERANK_PATHS
from tests.support.serving import Client, Reply

__all__ = ["PATHS", "bodies", "check", "pieces"]

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
ANSWERS = {200, 400, 404, 413, 422}


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A body of which some fields hold anything, and some are missing."""
    changes = draw(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3))
    dropped = draw(st.sets(st.sampled_from(sorted(GOOD)), max_size=2)) - changes.keys()
    body = {name: value for name, value in {**GOOD, **changes}.items() if name not in dropped}
    return json.dumps(body).encode()


@st.composite
def pieces(draw: st.DrawFn) -> bytes:
    """A good body with other bytes in it, cut anywhere."""
    good = json.dumps(GOOD).encode()
    start, noise = draw(st.integers(0, 60)), draw(st.binary(max_size=12))
    return good[:start] + noise + good[start + len(noise) :][: draw(st.integers(0, 80))]


def check(client: Client, path: str, content: bytes, **headers: str) -> Reply:
    """Send it; the answer is a ranking, or a refusal with words in it."""
    reply = client.post(path, content, **headers)
    assert reply.status in ANSWERS, (path, content, reply.status, reply.body)
    if reply.status != 200:
        assert reply.body.get("message") or reply.body.get("error")
    return reply
