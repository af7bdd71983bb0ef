"""A fallback over a real HTTP server that fails half of the requests in every way a server can."""

from __future__ import annotations

from collections import Counter

import anyio
import pytest

from benchmarks.wrappers.fallback_faults import chooser, measured
from tests.support.rerank_server import RerankServer

pytestmark = pytest.mark.anyio


async def test_every_call_answers_and_names_who_served():
    calls = 400
    used: Counter[str] = Counter()
    with RerankServer("cohere", choose=chooser(7, used)) as server, anyio.fail_after(60):
        tally = await measured(server.url, calls, 16)
    assert tally.failed == {}
    assert sum(tally.served.values()) == calls
    assert set(tally.served) == {"cohere:rerank-v3.5", "lexical:default"}
    assert tally.unannounced == 0
    assert len(used) > 3  # a slow machine opens the breaker more often
    assert server.wait_until(lambda: server.open == 0)
