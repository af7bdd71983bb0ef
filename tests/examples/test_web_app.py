"""examples/web_app.py over real HTTP: it answers while it ranks, and stops for a client that left."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from examples.web_app import make_app
from localrank_transformers import OnnxReranker
from tests.support.serving import wait_until

LONG = {
    "query": "What is said of ferries?",
    "documents": [f"Paragraph {number} on the harbour. " * 40 for number in range(20_000)],
}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(make_app(OnnxReranker()), port=0, log_level="error", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="web-app-example")
    thread.start()
    wait_until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def send(port: int, body: dict[str, Any]) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/rerank", json.dumps(body))
    return connection


def health(port: int) -> dict[str, int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/health")
    answer: dict[str, int] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def test_documents_come_back_ranked(port: int) -> None:
    connection = send(
        port, {"query": "What is RAG?", "documents": ["Paris is a city.", "RAG retrieves first."]}
    )

    ranked = json.loads(connection.getresponse().read())

    assert [hit["index"] for hit in ranked] == [1, 0]
    connection.close()


def test_a_bad_request_is_answered_with_400(port: int) -> None:
    connection = send(port, {"query": "What is RAG?", "documents": "one text"})

    response = connection.getresponse()

    assert (response.status, b"documents" in response.read()) == (400, True)
    connection.close()


def test_other_requests_are_answered_during_a_long_ranking_and_leaving_stops_it(port: int) -> None:
    before = health(port)
    connection = send(port, LONG)
    wait_until(lambda: health(port)["running"] == 1)

    assert before["finished"] == health(port)["finished"]

    connection.close()
    wait_until(lambda: health(port)["running"] == 0, seconds=5)
    assert health(port) == {**before, "stopped": before["stopped"] + 1}


def test_the_next_ranking_works_after_one_was_stopped(port: int) -> None:
    connection = send(port, LONG)
    wait_until(lambda: health(port)["running"] == 1)
    connection.close()

    after = send(port, {"query": "What is RAG?", "documents": ["RAG retrieves first."]})

    assert after.getresponse().status == 200
    after.close()
