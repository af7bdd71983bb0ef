"""What the page on stores says of servers that cannot run in a test holds for what their own clients return."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from localrank import rerank_sync
from localrank.testing import MockReranker

TEXTS = ("The router stands in the hall.", "To reset the router, hold the button for ten seconds.")
QUESTION = "How do I reset the router?"
ANSWER = {
    "took": 1,
    "timed_out": False,
    "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
    "hits": {
        "total": {"value": 2, "relation": "eq"},
        "max_score": 1.5,
        "hits": [
            {"_index": "notes", "_id": str(place), "_score": 1.5 - place, "_source": {"text": text}}
            for place, text in enumerate(TEXTS)
        ],
    },
}
"""As Elasticsearch 9 answers a search (its REST reference, Search API)."""


class _Search(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/vnd.elasticsearch+json;compatible-with=9")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Search) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_hits_of_elasticsearchs_client_are_one_argument(address: str) -> None:
    elasticsearch = pytest.importorskip("elasticsearch", reason="needs the extra `neighbours`")
    model = MockReranker([[0.1, 0.9]])
    with elasticsearch.Elasticsearch(address) as client:
        answer = client.search(index="notes", query={"match": {"text": QUESTION}}, size=50)

    hits = answer["hits"]["hits"]
    best = rerank_sync(model, QUESTION, hits, text="_source.text", first_stage_scores="_score")[0]

    assert (best.document["_id"], best.text) == ("1", TEXTS[1])
    assert list(model.calls[0].first_stage_scores or ()) == [1.5, 0.5]


def test_objects_of_weaviates_client_are_one_argument() -> None:
    pytest.importorskip("weaviate", reason="needs the extra `neighbours`")
    from weaviate.collections.classes.internal import MetadataReturn, Object

    objects = [
        Object(
            uuid=uuid.UUID(int=place),
            metadata=MetadataReturn(score=1.5 - place),
            properties={"text": text},
            references=None,
            vector={},
            collection="Notes",
        )
        for place, text in enumerate(TEXTS)
    ]
    model = MockReranker([[0.1, 0.9]])
    best = rerank_sync(model, QUESTION, objects, text="properties.text", first_stage_scores="metadata.score")[
        0
    ]

    assert (best.document.uuid.int, best.text) == (1, TEXTS[1])
    assert list(model.calls[0].first_stage_scores or ()) == [1.5, 0.5]
