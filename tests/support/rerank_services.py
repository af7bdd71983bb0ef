"""What hosted services and servers answer, each by its own schema, read from the vendor's client, docs or source.

A field that the schema does not have is refused, though some of the services would let it pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for."""

    query: Any
    documents: Any
    count: int | None = None
    instruction: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One service.

    Attributes:
        fields: The fields of a request, in objects too.
        asked: Reads a request.
        answered: Writes an answer, given the request, the ranking as (index, score) and the number of tokens.
        refused: Writes an error, given status and message.
    """

    fields: frozenset[str]
    asked: Callable[[Json], Asked]
    answered: Callable[[Json, list[tuple[int, float]], int], Any]
    refused: Callable[[int, str], Json]

    def unknown(self, body: Json) -> list[str]:
        """Return the fields of a request that the schema does not have."""
        return sorted(set(_named(body)) - self.fields)


def _named(body: Json) -> list[str]:
    open_ended = {"provider", "trace", "chunking_options", "providerOptions"}
    return [
        *body,
        *(
            f"{name}.{inner}"
            for name, value in body.items()
            if isinstance(value, dict) and name not in open_ended
            for inner in value
        ),
    ]


def _plain(body: Json) -> Asked:
    instruction = next((body[name] for name in ("instruction", "instruct", "task") if name in body), None)
    return Asked(body.get("query"), body.get("documents"), body.get("top_n"), instruction)


def _rows(ranked: list[tuple[int, float]], score: str = "relevance_score") -> list[Json]:
    return [{"index": index, score: value} for index, value in ranked]


def _counted(tokens: int) -> Json:
    return {"prompt_tokens": tokens, "total_tokens": tokens}


def _detail(_: int, message: str) -> Json:
    return {"detail": message}


def _message(_: int, message: str) -> Json:
    return {"message": message}


def _error_text(_: int, message: str) -> Json:
    return {"error": message}


def _error_object(status: int, message: str) -> Json:
    return {"error": {"code": status, "message": message, "type": "invalid_request_error"}}


def _fields(names: str) -> frozenset[str]:
    return frozenset(("model", "query", *names.split()))


_NIM = Service(
    _fields("query.text passages truncate"),
    lambda body: Asked(
        body["query"].get("text") if isinstance(body.get("query"), dict) else None, body.get("passages")
    ),
    lambda body, ranked, tokens: {"rankings": _rows(ranked, "logit"), "usage": _counted(tokens)},
    _error_text,
)

SERVICES: dict[str, Service] = {
    "zeroentropy": Service(
        _fields("documents top_n latency"),
        _plain,
        lambda body, ranked, tokens: {
            "results": _rows(ranked),
            "actual_latency_mode": "fast",
            "e2e_latency": 0.1,
            "inference_latency": 0.05,
            "total_bytes": 400,
            "total_tokens": tokens,
        },
        _detail,
    ),
    "contextual": Service(
        _fields("documents top_n instruction metadata"),
        _plain,
        lambda body, ranked, tokens: {"results": _rows(ranked)},
        _detail,
    ),
    "isaacus": Service(
        _fields("texts top_n is_iql scoring_method chunking_options"),
        lambda body: Asked(body.get("query"), body.get("texts"), body.get("top_n")),
        lambda body, ranked, tokens: {"results": _rows(ranked, "score"), "usage": {"input_tokens": tokens}},
        _detail,
    ),
    "openrouter": Service(
        _fields("documents top_n provider session_id trace user"),
        _plain,
        lambda body, ranked, tokens: {
            "id": "gen-rerank-1",
            "model": body["model"],
            "provider": "Cohere",
            "results": [{**row, "document": {"text": "an echo"}} for row in _rows(ranked)],
            "usage": {"cost": 0.0025, "search_units": 1, "total_tokens": tokens},
        },
        _error_object,
    ),
    "vercel": Service(
        _fields("documents top_n max_tokens_per_doc providerOptions"),
        _plain,
        lambda body, ranked, tokens: {
            "id": "gen_01J",
            "results": _rows(ranked),
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
        },
        _message,
    ),
    "together": Service(
        _fields("documents top_n return_documents rank_fields"),
        _plain,
        lambda body, ranked, tokens: {
            "object": "rerank",
            "id": "o-1",
            "model": body["model"],
            "results": [{**row, "document": {}} for row in _rows(ranked)],
            "usage": {**_counted(tokens), "completion_tokens": 0},
        },
        _error_object,
    ),
    "fireworks": Service(
        _fields("documents top_n return_documents task"),
        _plain,
        lambda body, ranked, tokens: {
            "object": "list",
            "model": body["model"],
            "data": [{**row, "document": None} for row in _rows(ranked)],
            "usage": {**_counted(tokens), "completion_tokens": 0},
        },
        _error_object,
    ),
    "siliconflow": Service(
        _fields("documents instruction top_n return_documents max_chunks_per_doc overlap_tokens"),
        _plain,
        lambda body, ranked, tokens: {
            "id": "01J",
            "results": _rows(ranked),
            "tokens": {"input_tokens": tokens, "output_tokens": 0},
        },
        lambda status, message: {"code": 20012, "message": message, "data": ""},
    ),
    "novita": Service(
        _fields("documents top_n"),
        _plain,
        lambda body, ranked, tokens: {
            "id": "rerank-1",
            "results": [{**row, "document": {"text": "an echo"}} for row in _rows(ranked)],
            "usage": {**_counted(tokens), "completion_tokens": 0},
        },
        lambda status, message: {"code": status, "reason": "INVALID", "message": message, "metadata": {}},
    ),
    "deepinfra": Service(
        frozenset({"queries", "documents", "instruction", "service_tier", "webhook"}),
        lambda body: Asked(
            body["queries"][0] if _is_full_of_one(body) else None,
            body.get("documents"),
            instruction=body.get("instruction"),
        ),
        lambda body, ranked, tokens: {
            "scores": [score for _, score in sorted(ranked)],
            "input_tokens": tokens,
            "request_id": "R-1",
            "inference_status": {"status": "succeeded", "cost": 0.0005, "tokens_input": tokens},
        },
        lambda status, message: {"detail": {"error": message}},
    ),
    "alibaba": Service(
        _fields(
            "input input.query input.documents parameters parameters.top_n parameters.return_documents "
            "parameters.instruct"
        ),
        lambda body: Asked(
            body["input"].get("query"),
            body["input"].get("documents"),
            body.get("parameters", {}).get("top_n"),
            body.get("parameters", {}).get("instruct"),
        ),
        lambda body, ranked, tokens: {
            "output": {"results": _rows(ranked)},
            "usage": {"total_tokens": tokens},
            "request_id": "85ba5752-1900-47d2-8896-23f99b13f6e1",
        },
        lambda status, message: {"code": "InvalidParameter", "message": message, "request_id": "85ba"},
    ),
    "alibaba-compatible": Service(
        _fields("documents top_n instruct"),
        _plain,
        lambda body, ranked, tokens: {
            "object": "list",
            "model": body["model"],
            "id": "85ba5752",
            "results": _rows(ranked),
            "usage": {"total_tokens": tokens},
        },
        _error_object,
    ),
    "nim": _NIM,
    "nvidia": _NIM,
    "sglang": Service(
        _fields("documents instruct top_n return_documents rid user"),
        _plain,
        lambda body, ranked, tokens: [
            {"score": score, "document": None, "index": index, "meta_info": {"prompt_tokens": 9}}
            for index, score in ranked
        ],
        lambda status, message: {"object": "error", "message": message, "type": "BadRequest", "code": status},
    ),
    "infinity": Service(
        _fields("documents return_documents raw_scores top_n"),
        _plain,
        lambda body, ranked, tokens: {
            "object": "rerank",
            "results": _rows(ranked),
            "model": body.get("model"),
            "usage": _counted(tokens),
            "id": "infinity-1",
            "created": 1,
        },
        _error_object,
    ),
    "llamacpp": Service(
        _fields("documents texts top_n"),
        _plain,
        lambda body, ranked, tokens: {
            "model": body.get("model"),
            "object": "list",
            "usage": _counted(tokens),
            "results": _rows(ranked),
        },
        _error_object,
    ),
    "localai": Service(
        _fields("documents top_n backend"),
        _plain,
        lambda body, ranked, tokens: {
            "model": body["model"],
            "usage": _counted(tokens),
            "results": [{**row, "document": {"text": "an echo"}} for row in _rows(ranked)],
        },
        _error_object,
    ),
    "xinference": Service(
        _fields("documents top_n return_documents max_chunks_per_doc return_len kwargs"),
        _plain,
        lambda body, ranked, tokens: {
            "id": "1-2-3",
            "results": [{**row, "document": None} for row in _rows(ranked)],
            "meta": {
                "api_version": None,
                "billed_units": None,
                "tokens": {"input_tokens": tokens, "output_tokens": tokens},
                "warnings": None,
            },
        },
        _detail,
    ),
    "openvino": Service(
        _fields("documents top_n return_documents"),
        _plain,
        lambda body, ranked, tokens: {"results": _rows(ranked)},
        _error_text,
    ),
}


def _is_full_of_one(body: Json) -> bool:
    queries, documents = body.get("queries"), body.get("documents")
    alike = isinstance(queries, list) and len(set(queries)) == 1
    return alike and isinstance(documents, list) and len(queries) == len(documents)
