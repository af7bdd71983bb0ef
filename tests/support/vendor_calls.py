"""The same requests by each vendor's own client and by ours, and what went over the wire for each.

`python -m tests.support.vendor_calls` records what the installed clients send into `tests/cohere/recorded/wire.json`. They do
not all fit into one environment: run it in several, each adds its own.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.support.rerank_server import RerankServer, Seen
from tests.support.service_calls import KEY, QUERY, SERVICE_CASES, Case, given

RECORDED = Path(__file__).resolve().parent.parent / "cohere" / "recorded" / "wire.json"
OBJECTS = [{"title": "Retrieval", "text": "finds documents"}, {"title": "Pasta", "text": "with cheese"}]


@dataclass(frozen=True, slots=True)
class Sent:
    """What a client sent: address, body without explicit nulls, the key's header, and what it read from the answer."""

    path: str
    body: dict[str, Any]
    key_header: dict[str, str]
    results: list[list[float]]


def sent(seen: Seen, results: list[tuple[int, float]]) -> Sent:
    """Return the comparable part of one request."""
    body = {name: value for name, value in seen.body.items() if value is not None}
    names = ("authorization", "api-key", "x-pinecone-api-version")
    headers = {name: seen.headers[name] for name in names if name in seen.headers}
    return Sent(seen.path, body, headers, [list(pair) for pair in results])


def by_their_client(case: Case) -> Sent:
    """Make the request with the vendor's client."""
    with RerankServer(case.dialect) as server:
        results = case.theirs(server.url, case)
    one = sent(server.requests[0], results)
    needed = {name: value for name, value in one.body.items() if (name, value) not in case.needless.items()}
    return replace(one, body=needed)


def _cohere(url: str, case: Case) -> list[tuple[int, float]]:
    module = importlib.import_module("cohere")
    make = module.Client if case.dialect == "cohere-v1" else module.ClientV2
    extra = given(top_n=case.top_k, rank_fields=list(case.fields) if case.fields else None)
    with make(api_key=KEY, base_url=url) as client:
        answer = client.rerank(
            model=case.model, query=QUERY, documents=case.documents, **extra, **case.options
        )
    return [(one.index, one.relevance_score) for one in answer.results]


def _voyage(url: str, case: Case) -> list[tuple[int, float]]:
    client = importlib.import_module("voyageai").Client(api_key=KEY, base_url=f"{url}/v1")
    answer = client.rerank(QUERY, case.documents, case.model, top_k=case.top_k, **case.options)
    return [(one.index, one.relevance_score) for one in answer.results]


def _mixedbread(url: str, case: Case) -> list[tuple[int, float]]:
    extra = given(top_k=case.top_k, rank_fields=list(case.fields) if case.fields else None)
    with importlib.import_module("mixedbread").Mixedbread(api_key=KEY, base_url=url) as client:
        answer = client.rerank(
            model=case.model, query=QUERY, input=case.documents, return_input=False, **extra, **case.options
        )
    return [(one.index, one.score) for one in answer.data]


def _pinecone(url: str, case: Case) -> list[tuple[int, float]]:
    cut = case.options.get("truncation", True)
    extra = given(top_n=case.top_k, rank_fields=list(case.fields) if case.fields else None)
    client = importlib.import_module("pinecone").Pinecone(api_key=KEY, host=url)
    answer = client.inference.rerank(
        model=case.model,
        query=QUERY,
        documents=case.documents,
        return_documents=False,
        parameters={"truncate": "END" if cut else "NONE"},
        **extra,
    )
    return [(one.index, one.score) for one in answer.data]


_SPANS = {"relevant_spans": {"mode": "enabled", "threshold": 0.2, "max_spans": 2}}

SERVED_CASES = (
    Case("cohere", "cohere", "cohere", _cohere),
    Case("cohere top", "cohere", "cohere", _cohere, top_k=2),
    Case("cohere options", "cohere", "cohere", _cohere, options={"max_tokens_per_doc": 64, "priority": 3}),
    Case("cohere spans", "cohere", "cohere", _cohere, options=_SPANS, model="rerank-v5.0-pro"),
    Case("cohere-v1", "cohere-v1", "cohere", _cohere, top_k=1, options={"max_chunks_per_doc": 3}),
    Case("cohere-v1 objects", "cohere-v1", "cohere", _cohere, documents=OBJECTS, fields=("title", "text")),
    Case("voyage", "voyage", "voyageai", _voyage),
    Case("voyage options", "voyage", "voyageai", _voyage, top_k=2, options={"truncation": False}),
    Case("mixedbread", "mixedbread", "mixedbread", _mixedbread),
    Case(
        "mixedbread options",
        "mixedbread",
        "mixedbread",
        _mixedbread,
        top_k=2,
        options={"rewrite_query": True},
    ),
    Case(
        "mixedbread objects",
        "mixedbread",
        "mixedbread",
        _mixedbread,
        documents=OBJECTS,
        fields=("title", "text"),
    ),
    Case("pinecone", "pinecone", "pinecone", _pinecone),
    Case("pinecone options", "pinecone", "pinecone", _pinecone, top_k=1, options={"truncation": False}),
    Case("pinecone objects", "pinecone", "pinecone", _pinecone, documents=OBJECTS, fields=("title", "text")),
)
"""Calls in the dialects that our server speaks too."""

CASES = (*SERVED_CASES, *SERVICE_CASES)


def recorded() -> dict[str, dict[str, Any]]:
    """Return the recording: case → client and what it sent."""
    found: dict[str, dict[str, Any]] = json.loads(RECORDED.read_text("utf-8"))
    return found


def main() -> None:
    """Record what the installed clients send; what stands there of others stays."""
    before = recorded()
    recording = {}
    for case in CASES:
        if importlib.util.find_spec(case.client) is None:
            if case.name in before:
                recording[case.name] = before[case.name]
            continue
        one = by_their_client(case)
        distribution = case.distribution or case.client
        recording[case.name] = {
            "client": f"{distribution} {version(distribution)}",
            "path": one.path,
            "body": one.body,
            "key_header": one.key_header,
            "results": one.results,
        }
    RECORDED.parent.mkdir(exist_ok=True)
    RECORDED.write_text(json.dumps(recording, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
