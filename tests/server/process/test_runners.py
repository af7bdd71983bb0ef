"""The application keeps its promises in other ASGI servers too, on asyncio and trio."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.runners import LONG, RUNNERS, SHORT, depth, leave, missing, running
from tests.support.serving import Client, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=RUNNERS)
def runner(request: pytest.FixtureRequest) -> Iterator[tuple[Client, Any]]:
    lacking = missing(request.param)
    if lacking:
        pytest.skip(f"{lacking} is not installed (extra interop)")
    with running(request.param) as served:
        yield served


def test_a_client_that_leaves_stops_its_ranking(runner: tuple[Client, Any]) -> None:
    client, _ = runner
    leave(client)
    wait_until(lambda: depth(client) == 0)
    page = client.get("/metrics").body

    assert 'localrank_requests_total{dialect="jina",model="localrank-tiny",outcome="cancelled"} 1.0' in page
    assert client.post("/v1/rerank", SHORT).status == 200


def test_a_requests_own_time_ends_it(runner: tuple[Client, Any]) -> None:
    client, _ = runner
    reply = client.post("/v1/rerank", LONG, X_Request_Timeout="0.3")

    assert reply.status == 504
    assert depth(client) == 0


def test_what_was_accepted_is_answered_at_the_end(runner: tuple[Client, Any]) -> None:
    client, process = runner
    accepted: list[Any] = []
    body = {**LONG, "documents": LONG["documents"][:300]}
    asking = threading.Thread(target=lambda: accepted.append(client.post("/v1/rerank", body)))
    asking.start()
    wait_until(lambda: depth(client) == 1)
    process.send_signal(signal.SIGTERM)
    asking.join()
    process.wait(60)

    assert accepted[0].status == 200
    assert len(accepted[0].body["results"]) == 300
