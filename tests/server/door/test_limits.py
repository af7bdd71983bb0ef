"""What is too large, or too much at once, is refused before a model sees it."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from localrank import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.server import Limits, create_app
from localrank.server.dialects.wire import RankRequest, RefusedError
from localrank.server.door.admission import Admission
from localrank.server.door.state import State
from localrank.testing import MockReranker
from tests.support.serving import serving, wait_until

SMALL = Limits(max_body_bytes=2_000, max_documents=3, max_document_characters=50, max_query_characters=20)


class Waiting:
    """Ranks when it is let go."""

    model_id, provider = "waiting", "testing"

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()

    def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
        self.asked.set()
        while not self.go.wait(0.01) and not (options.abort_event and options.abort_event.is_set()):
            pass
        return DoRerankResult([ScoredIndex(index, 0.5) for index in range(len(options.documents))])


@pytest.mark.parametrize(
    ("body", "status", "option"),
    [
        ({"query": "q" * 21, "documents": ["a"]}, 422, "--max-query-characters"),
        ({"query": "q", "documents": ["a"] * 4}, 422, "--max-documents"),
        ({"query": "q", "documents": ["a", "b" * 51]}, 422, "--max-document-characters"),
    ],
)
def test_a_limit_is_named_with_the_option_that_raises_it(
    body: dict[str, Any], status: int, option: str
) -> None:
    model = MockReranker()
    with serving(create_app({"mock": model}, limits=SMALL)) as client:
        reply = client.post("/v1/rerank", body)

    assert reply.status == status
    assert option in reply.body["message"]
    assert not model.calls


def test_a_body_that_is_too_large_is_refused_in_the_shape_that_clients_read() -> None:
    with serving(create_app({"mock": MockReranker()}, limits=SMALL)) as client:
        reply = client.post("/v1/rerank", {"query": "q", "documents": ["a" * 3_000]})

    assert reply.status == 413
    assert reply.body["message"] == reply.body["detail"]


def test_nesting_without_end_is_refused(client: Any) -> None:
    body = b'{"query": "q", "documents": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    assert client.post("/v1/rerank", body).status in {400, 422}


def test_what_is_beyond_the_queue_waits_outside() -> None:
    model = Waiting()
    limits = Limits(max_waiting_tokens=10)
    with serving(create_app({"waiting": model}, limits=limits)) as client:
        body = {"query": "q", "documents": ["a long document of many words"] * 5}
        first = threading.Thread(target=client.post, args=("/v1/rerank", body))
        first.start()
        assert model.asked.wait(20)

        busy = client.post("/rerank", {"query": "q", "texts": ["a long document of many words"]})
        alive = client.get("/health")
        model.go.set()
        first.join()
        later = client.post("/v1/rerank", body)

    assert busy.status == 429
    assert int(busy.headers["retry-after"]) >= 1
    assert busy.body["error_type"] == "Overloaded"
    assert "--max-waiting-tokens" in busy.body["error"]
    assert alive.status == 200
    assert later.status == 200


def test_a_refused_request_takes_no_place() -> None:
    admission = Admission(State(limits=Limits(max_waiting_tokens=1)))
    request = RankRequest("q", ["word " * 10], ["word " * 10])
    with admission.admitted([request]):
        with pytest.raises(RefusedError), admission.admitted([request]):
            raise AssertionError("it was let in")
        held = admission.waiting_tokens

    assert held > 0
    assert admission.waiting_tokens == admission.requests == 0


def test_the_clients_own_time_ends_a_request() -> None:
    model = Waiting()
    with serving(create_app({"waiting": model})) as client:
        reply = client.post("/v1/rerank", {"query": "q", "documents": ["a"]}, X_Request_Timeout="0.1")

    assert reply.status == 504
    assert "0.1" in reply.body["message"]


@pytest.mark.parametrize("given", ["soon", "-1", "0", "nan"])
def test_a_time_that_is_none_is_refused(client: Any, given: str) -> None:
    reply = client.post("/v1/rerank", {"query": "q", "documents": ["a"]}, X_Request_Timeout=given)

    assert reply.status == 422


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_a_client_that_leaves_stops_its_ranking(http: str) -> None:
    import http.client as connections
    import json

    if http == "httptools":
        pytest.importorskip("httptools")
    model = Waiting()
    app = create_app({"waiting": model})
    with serving(app, http=http) as client:
        connection = connections.HTTPConnection(client.url.removeprefix("http://"), timeout=20)
        connection.request("POST", "/v1/rerank", json.dumps({"query": "q", "documents": ["a"]}))
        assert model.asked.wait(20)
        assert app.admission.requests == 1
        connection.close()
        wait_until(lambda: app.admission.requests == 0)
        page = client.get("/metrics").body

    assert not model.go.is_set()
    assert 'localrank_requests_total{dialect="jina",model="waiting",outcome="cancelled"} 1.0' in page


class Splitting(Waiting):
    """Tells tokens slowly: one text each time it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.told = 0

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        self.asked.set()
        self.told += 1
        self.go.wait(0.02)
        return [(at, at + 1) for at in range(len(text))]


def test_a_client_that_leaves_while_its_documents_are_cut_stops_that_too() -> None:
    import http.client as connections
    import json

    model = Splitting()
    app = create_app({"splitting": model})
    with serving(app) as client:
        connection = connections.HTTPConnection(client.url.removeprefix("http://"), timeout=20)
        body = {"query": "q", "documents": ["many words"] * 5_000, "max_tokens_per_doc": 2}
        connection.request("POST", "/v2/rerank", json.dumps(body))
        assert model.asked.wait(20)
        connection.close()
        wait_until(lambda: app.admission.requests == 0)
        told = model.told
        page = client.get("/metrics").body

    assert told < 5_000
    assert model.told <= told + 1
    assert 'outcome="cancelled"' in page


def test_bodies_that_are_still_coming_count_and_the_one_too_many_waits_outside() -> None:
    app = create_app({"mock": MockReranker()}, limits=Limits(max_held_bytes=1_000))
    small = {"query": "q", "documents": ["a" * 300]}
    with serving(app) as client:
        host, _, port = client.url.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as slow:
            slow.sendall(b"POST /v1/rerank HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{")
            wait_until(lambda: app.admission.bodies.bytes == 900)
            busy = client.post("/v1/rerank", small)
            alive = client.get("/metrics").body
        wait_until(lambda: app.admission.bodies.bytes == 0)
        later = client.post("/v1/rerank", small)

    assert busy.status == 429
    assert "--max-held-bytes" in busy.body["message"]
    assert int(busy.headers["retry-after"]) >= 1
    assert "localrank_held_bytes 900.0" in alive
    assert later.status == 200


def test_a_body_in_pieces_counts_as_it_comes() -> None:
    app = create_app({"mock": MockReranker()}, limits=Limits(max_held_bytes=1_000))
    with serving(app) as client:
        host, _, port = client.url.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as slow:
            slow.sendall(b"POST /v1/rerank HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            slow.sendall(b"%x\r\n%s\r\n" % (600, b"{" * 600))
            wait_until(lambda: app.admission.bodies.bytes == 600)
            slow.sendall(b"%x\r\n%s\r\n" % (300, b"{" * 300))
            wait_until(lambda: app.admission.bodies.bytes == 900)
        wait_until(lambda: app.admission.bodies.bytes == 0)


def test_one_body_alone_is_bounded_by_its_own_limit_only() -> None:
    app = create_app({"mock": MockReranker()}, limits=Limits(max_held_bytes=10))
    with serving(app) as client:
        assert client.post("/v1/rerank", {"query": "q", "documents": ["a" * 300]}).status == 200
