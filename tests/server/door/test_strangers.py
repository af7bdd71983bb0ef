"""What a hostile or careless client sends, byte by byte, and what a model of one's own may do."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from localrank import DoRerankOptions, DoRerankResult, InvalidRequestError, ScoredIndex
from localrank.server import Limits, create_app
from localrank.testing import LexicalReranker
from tests.support.serving import Client, serving, wait_until

KEY = "correct-horse-battery"
BODY = json.dumps({"query": "tomato soup", "documents": ["a", "tomato soup"]}).encode()
SECRET = "parsley"


class Breaking:
    """Raises what quotes its documents."""

    model_id, provider = "breaking", "testing"

    def __init__(self, kind: type[Exception]) -> None:
        self.kind = kind

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        raise self.kind(f"cannot read {options.documents[0]}")


class Counting:
    """Counts what it is asked, and gives each document a logit that is no number."""

    model_id, provider = "counting", "testing"

    def __init__(self) -> None:
        self.closed = 0

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        return DoRerankResult(
            [ScoredIndex(n, 0.5, metadata={"logit": float("nan")}) for n in range(len(options.documents))]
        )

    async def aclose(self) -> None:
        self.closed += 1


@pytest.fixture(scope="module")
def small() -> Iterator[Client]:
    limits = Limits(max_body_bytes=2_000, max_documents=4, timeout=5)
    with serving(create_app({"words": LexicalReranker()}, api_keys=[KEY], limits=limits)) as served:
        yield served


def sent(client: Client, *parts: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back until the server closes."""
    host, _, port = client.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def request(body: bytes = BODY, *headers: str, path: str = "/v1/rerank", method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {KEY}", *headers]
    if not any("chunked" in header for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def test_a_body_in_pieces_is_read_and_bounded(small: Client) -> None:
    def chunked(body: bytes) -> bytes:
        return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    good = sent(small, request(chunked(BODY), "Transfer-Encoding: chunked", "Connection: close"))
    large = sent(small, request(chunked(b"[" * 9_000), "Transfer-Encoding: chunked", "Connection: close"))

    assert good.startswith(b"HTTP/1.1 200")
    assert large.startswith(b"HTTP/1.1 413")
    assert b"--max-body-bytes" in large


def test_two_requests_in_one_piece_get_two_answers(small: Client) -> None:
    answer = sent(small, request() + request(BODY, "Connection: close"))

    assert answer.count(b"HTTP/1.1 200") == 2


def test_a_client_that_waits_for_leave_is_given_it_after_the_key_only(small: Client) -> None:
    head = request(b"", "Expect: 100-continue", "Connection: close").replace(
        b"Content-Length: 0", b"Content-Length: %d" % len(BODY)
    )
    without = head.replace(KEY.encode(), b"another-key-altogether")

    assert b"100 Continue" in sent(small, head, BODY)
    assert sent(small, without, BODY).startswith(b"HTTP/1.1 401")


def test_a_compressed_body_is_refused_by_name(small: Client) -> None:
    reply = small.post(
        "/v1/rerank", gzip.compress(BODY), Authorization=f"Bearer {KEY}", Content_Encoding="gzip"
    )

    assert reply.status == 415
    assert "compressed" in reply.body["message"]


def test_a_body_that_never_comes_ends_with_the_requests_time(small: Client) -> None:
    head = request(b"", "X-Request-Timeout: 0.1", "Connection: close").replace(
        b"Content-Length: 0", b"Content-Length: 50"
    )

    assert sent(small, head).startswith(b"HTTP/1.1 504")


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PUT", "DELETE"])
def test_another_method_is_told_which_it_takes(small: Client, method: str) -> None:
    answer = sent(small, request(b"", "Connection: close", method=method)).lower()

    assert answer.startswith(b"http/1.1 405")
    assert b"allow: post" in answer


def test_liveness_answers_a_head_without_a_body(small: Client) -> None:
    answer = sent(small, b"HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "path",
    ["/health/", "/health%2f..%2frerank", "/health;/rerank", "/rerank?x=/health", "/HEALTH", "/health%00", "//health"],
)  # fmt: skip
def test_no_spelling_of_liveness_opens_another_path(small: Client, path: str) -> None:
    answer = sent(small, request(BODY, "Connection: close", path=path).replace(KEY.encode(), b"no"))

    assert answer.startswith(b"HTTP/1.1 401")


def test_a_path_with_line_ends_is_one_line_of_the_log(
    small: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def lines() -> list[str]:
        records = [record for record in caplog.records if record.name == "localrank.server.access"]
        return [record.message for record in records if "u2028" in record.message]

    with caplog.at_level(logging.INFO):
        sent(small, request(BODY, "Connection: close", path="/a%0d%0a%7b%22id%22:1%7d%e2%80%a8"))
        wait_until(lines)

    (line,) = lines()
    assert line.isascii()
    assert line.isprintable()


@pytest.mark.parametrize(
    ("documents", "status"),
    [([], 200), ([""], 200), (["a", "a"], 200), (["a"] * 5, 422), ([b"\\ud800".decode()], 200)],
)
def test_odd_lists_are_answered(small: Client, documents: list[str], status: int) -> None:
    body = {"query": "a", "documents": documents, "top_n": 10_000}
    reply = small.post("/v1/rerank", body, Authorization=f"Bearer {KEY}")

    assert reply.status == status
    if status == 200:
        assert len(reply.body["results"]) == len(documents)


def test_half_a_surrogate_pair_is_no_json(small: Client) -> None:
    body = b'{"query": "a", "documents": ["\\ud800"]}'

    assert small.post("/v1/rerank", body, Authorization=f"Bearer {KEY}").status == 400


@pytest.mark.parametrize("query", ["", "  "])
def test_a_blank_query_is_refused_by_name(small: Client, query: str) -> None:
    reply = small.post("/v1/rerank", {"query": query, "documents": ["a"]}, Authorization=f"Bearer {KEY}")

    assert reply.status == 422
    assert f"query is {query!r}" in reply.body["message"]


def test_the_pairs_of_a_score_are_counted_together(small: Client) -> None:
    pairs = {"text_1": [f"query {n}" for n in range(5)], "text_2": [f"text {n}" for n in range(5)]}
    reply = small.post("/score", pairs, Authorization=f"Bearer {KEY}")

    assert reply.status == 422
    assert "--max-documents" in reply.body["message"]


def test_fields_that_are_no_texts_are_read_as_the_client_wrote_them(client: Client) -> None:
    documents = [{"n": 2**70, "flag": True}, {"n": None, "flag": {"tomato": ["soup"]}}]
    asked = {"query": "tomato", "documents": documents, "rank_fields": ["flag"], "return_documents": True}
    body = client.post("/v1/rerank", asked).body

    assert body["results"][0]["index"] == 1
    assert body["results"][1]["document"] == documents[0]


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, TypeError, InvalidRequestError])
def test_what_a_model_raises_reaches_neither_log_nor_metrics(
    kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app({"breaking": Breaking(kind)})
    with caplog.at_level(logging.DEBUG), serving(app) as served:
        reply = served.post("/v1/rerank", {"query": "q", "documents": [SECRET]})
        again = served.get("/health").status
        page = served.get("/metrics").body

    ours = [record for record in caplog.records if record.name.startswith(("localrank", "uvicorn"))]
    formatted = [logging.Formatter().format(record) for record in ours]
    assert not any(SECRET in text for text in formatted)
    assert app.admission.requests == app.admission.waiting_tokens == 0
    assert 'outcome="ok"' not in page
    assert again == 200
    if kind is InvalidRequestError:
        assert reply.status == 422
    else:
        assert reply.status == 500
        assert SECRET not in json.dumps(reply.body)
        assert any(kind.__name__ in text for text in formatted)


def test_a_model_that_breaks_is_not_ready() -> None:
    with serving(create_app({"breaking": Breaking(TypeError)})) as served:
        reply = served.get("/ready")

    assert (reply.status, reply.body["status"]) == (503, "failing")


def test_a_logit_that_is_no_number_is_not_answered() -> None:
    with serving(create_app({"counting": Counting()})) as served:
        reply = served.post("/rerank", {"query": "q", "texts": ["a"], "raw_scores": True})

    assert reply.status == 422


def test_a_reranker_of_yours_stays_yours() -> None:
    model = Counting()
    with serving(create_app({"counting": model})):
        pass

    assert model.closed == 0


@pytest.mark.parametrize("key", ["zwölf-boxkämpfer", "two words here", "tab\tin-the-key"])
def test_a_key_that_no_header_carries_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        create_app(api_keys=[key])

    assert key not in str(raised.value)


@pytest.mark.parametrize(
    "bounds", [{"max_documents": 0}, {"timeout": float("nan")}, {"timeout": float("inf")}]
)
def test_a_bound_that_lets_nothing_through_is_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=next(iter(bounds))):
        Limits(**bounds)


def test_many_at_once_leave_nothing_behind() -> None:
    app = create_app({"words": LexicalReranker()}, limits=Limits(max_waiting_tokens=20))
    statuses: list[int] = []
    with serving(app) as served:

        def ask() -> None:
            statuses.extend(served.post("/v1/rerank", BODY).status for _ in range(5))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(statuses) == 40
    assert set(statuses) <= {200, 429}
    assert app.admission.requests == app.admission.waiting_tokens == 0
