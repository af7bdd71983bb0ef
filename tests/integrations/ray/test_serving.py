"""The server on Ray Serve: the same answers and limits, 429 where too much waits, and no work for a client that left."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from localrank import InvalidRequestError, rerank_sync
from localrank.testing import LexicalReranker
from localrank_transformers import OnnxReranker

pytest.importorskip("ray")
psutil = pytest.importorskip("psutil")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("cluster"),
]
DOCUMENT = "The mill stands at the river, and its wheel has turned since 1790. " * 8
LONG = {"query": "old mills", "documents": [f"{number} {DOCUMENT}" for number in range(1_500)]}
"""What one core takes for it is minutes here, so that whoever waits for its end is noticed."""

SOON_S = 30.0
"""Within this a replica has to have let go; it is a twentieth of a second on an idle machine."""


@pytest.fixture(scope="module")
def url(cluster: Any) -> Iterator[str]:
    """The embedded model in one replica, in which 100,000 tokens may wait."""
    from ray import serve

    from localrank.integrations.ray import deployment
    from localrank.server import Limits

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    limits = Limits(max_waiting_tokens=100_000, timeout=600)
    serve.run(deployment({"mini": "onnx:localrank-mini"}, limits=limits, document_cache_mb=None))
    yield f"http://127.0.0.1:{port}"
    serve.shutdown()


def metric(url: str, name: str) -> float:
    page = httpx2.get(f"{url}/metrics", timeout=60).text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)", page, re.MULTILINE))


def until(wanted: Any) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 120
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_every_dialect_and_the_page_answer_as_from_the_server_itself(url: str) -> None:
    texts = ["A mill of 1790.", "Boats sail down the river."]
    expected = rerank_sync(OnnxReranker(), "old mills", texts)

    cohere = httpx2.post(f"{url}/v2/rerank", json={"query": "old mills", "documents": texts}, timeout=60)
    tei = httpx2.post(f"{url}/rerank", json={"query": "old mills", "texts": texts}, timeout=60)

    assert [(one["index"], one["relevance_score"]) for one in cohere.json()["results"]] == [
        (hit.index, hit.score) for hit in expected
    ]
    assert [one["index"] for one in tei.json()] == [hit.index for hit in expected]
    assert "<html" in httpx2.get(url, timeout=60).text
    assert httpx2.get(f"{url}/v1/models", timeout=60).json()["data"][0]["id"] == "mini"


def leaving(url: str, prefix: str = "") -> socket.socket:
    """Send the long request over a socket of our own, which can be closed in the middle."""
    body = json.dumps(LONG).encode()
    host, port = url.removeprefix("http://").split(":")
    sent = socket.create_connection((host, int(port)))
    head = f"POST {prefix}/v1/rerank HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    sent.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return sent


def test_the_work_of_a_client_that_leaves_stops_in_the_replica(url: str) -> None:
    sent = leaving(url)
    until(lambda: metric(url, "localrank_queue_depth") == 1)
    replica = max(
        (
            one
            for one in psutil.process_iter(["cmdline"])
            if "ServeReplica" in " ".join(one.info["cmdline"] or [])
        ),
        key=lambda one: one.pid,
    )
    until(lambda: _computes(replica))

    sent.close()
    left = time.monotonic()
    until(lambda: metric(url, "localrank_queue_depth") == 0)
    until(lambda: not _computes(replica))

    assert time.monotonic() - left < SOON_S
    assert metric(url, "localrank_queue_tokens") == 0
    page = httpx2.get(f"{url}/metrics", timeout=60).text
    assert 'outcome="cancelled"} 1.0' in page


def _computes(process: psutil.Process) -> bool:
    """Return whether a process took most of half a second of CPU time, or of what others left it."""
    return bool(process.cpu_percent(0.5) > 15)


def test_what_is_too_much_to_wait_is_refused_with_429_in_its_dialect(url: str) -> None:
    with leaving(url):
        until(lambda: metric(url, "localrank_queue_depth") == 1)
        refused = httpx2.post(f"{url}/v1/rerank", json=LONG, timeout=60)
    until(lambda: metric(url, "localrank_queue_depth") == 0)

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert "tokens are waiting" in refused.text


def test_replicas_follow_the_tokens_that_wait(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ray import serve

    from localrank.integrations.ray import deployment, serving

    monkeypatch.setattr(serving, "_PATIENCE_S", 0.1)
    made = deployment("onnx:localrank-mini", max_replicas=2, tokens_a_replica=1_000, document_cache_mb=None)
    serve.run(made, name="scaled", route_prefix="/scaled")

    def running() -> int:
        deployed = serve.status().applications["scaled"].deployments["localrank"]
        return int(deployed.replica_states.get("RUNNING", 0))

    assert running() == 1
    with leaving(url, "/scaled"):
        until(lambda: running() == 2)
    serve.delete("scaled")


def test_what_cannot_be_served_is_refused_here() -> None:
    from localrank.integrations.ray import deployment

    class Held(LexicalReranker):
        def __reduce__(self) -> Any:
            raise TypeError("cannot pickle a lock")

    with pytest.raises(InvalidRequestError, match="max_replicas is 1, below min_replicas, 2"):
        deployment("mini", min_replicas=2, max_replicas=1)
    with pytest.raises(InvalidRequestError, match="cannot be sent to other processes"):
        deployment({"held": Held()})
