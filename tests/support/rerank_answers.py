"""What each vendor's rerank service answers: request checks, answer bodies and error bodies in the vendor's own shape.

Scores are real and simple: the share of the query's words that a document holds, between 0 and 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.rerank_services import SERVICES, Service

Json = dict[str, Any]
_WORD = re.compile(r"\w+")
_MOST_DOCUMENTS = {"cohere": 10_000, "cohere-v1": 10_000, "tei": 32, "voyage": 1_000}


class Refused(Exception):
    """The request breaks the vendor's rules; `status` and `message` are the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def score(query: str, text: str) -> float:
    """Return how much of `query` stands in `text`, 0 to 1; never the same for texts of different length."""
    words = set(_WORD.findall(query.lower()))
    found = words & set(_WORD.findall(text.lower()))
    share = len(found) / len(words) if words else 0.0
    return 0.9 * share + 0.1 / (1 + len(text))


def answer(dialect: str, path: str, headers: Mapping[str, str], body: Json) -> Any:
    """Return the decoded body of a good answer.

    Raises:
        Refused: The vendor would refuse the request.
    """
    if dialect in SERVICES:
        return _served(SERVICES[dialect], body)
    texts = _texts(dialect, body)
    _check(dialect, body, texts)
    ranked = _ranked(" ".join((body.get("instruction") or "", body["query"])), texts)
    count = body.get("top_k" if dialect in {"voyage", "mixedbread"} else "top_n")
    tokens = sum(len(_WORD.findall(text)) + len(_WORD.findall(body["query"])) for text in texts)
    if dialect == "tei":
        return ranked
    return _ENVELOPES[dialect](body, ranked[: count or None], texts, tokens)


def _served(service: Service, body: Json) -> Any:
    asked = service.asked(body)
    if unknown := service.unknown(body):
        raise Refused(422, f"extra fields not permitted: {unknown}")
    if not isinstance(asked.query, str) or not asked.query.strip():
        raise Refused(422, "query must be a string that is not empty")
    if not isinstance(asked.documents, list) or not all(asked.documents):
        raise Refused(422, "documents must be a list of documents that are not empty")
    texts = [_text(one) for one in asked.documents]
    ranked = _ranked(" ".join((asked.instruction or "", asked.query)), texts)
    tokens = sum(len(_WORD.findall(text)) + len(_WORD.findall(asked.query)) for text in texts)
    return service.answered(body, [(one["index"], one["score"]) for one in ranked[: asked.count]], tokens)


def _ranked(query: str, texts: list[str]) -> list[Json]:
    return sorted(
        ({"index": index, "score": score(query, text)} for index, text in enumerate(texts)),
        key=lambda one: (-one["score"], one["index"]),
    )


def error(dialect: str, status: int, message: str) -> bytes:
    """Return an error body in the vendor's shape."""
    if dialect in SERVICES:
        shape: Json = SERVICES[dialect].refused(status, message)
    elif dialect == "tei":
        shape = {"error": message, "error_type": "Overloaded" if status == 429 else "Validation"}
    elif dialect in {"jina", "voyage"}:
        shape = {"detail": message}
    elif dialect == "pinecone":
        shape = {"error": {"code": "INVALID_ARGUMENT", "message": message}, "status": status}
    elif dialect == "vllm":
        shape = {"error": {"message": message, "type": "BadRequestError", "param": None, "code": status}}
    else:
        shape = {"message": message, "id": "err-1"}
    return json.dumps(shape).encode()


def _texts(dialect: str, body: Json) -> list[str]:
    name = {"tei": "texts", "mixedbread": "input"}.get(dialect, "documents")
    documents = body.get(name)
    if not isinstance(documents, list):
        raise Refused(422, f"field {name} is required")
    if dialect in {"cohere", "tei", "voyage"} and not all(isinstance(one, str) for one in documents):
        raise Refused(422, f"{name} must be strings")
    return [_text(one) for one in documents]


def _text(document: Any) -> str:
    if isinstance(document, str):
        return document
    return " ".join(str(value) for value in document.values())


def _check(dialect: str, body: Json, texts: list[str]) -> None:
    if not isinstance(body.get("query"), str) or not body["query"].strip():
        raise Refused(400, "invalid request: query must not be empty")
    if dialect in {"cohere", "voyage", "pinecone"} and not body.get("model"):
        raise Refused(400, "invalid request: model is required")
    if not texts or not all(text.strip() for text in texts):
        raise Refused(400, "invalid request: list of documents must not contain empty documents")
    most = _MOST_DOCUMENTS.get(dialect)
    if most is not None and len(texts) > most:
        raise Refused(422 if dialect == "tei" else 400, f"too many documents: {len(texts)} > {most}")


def _named(ranked: list[Json]) -> list[Json]:
    return [{"index": one["index"], "relevance_score": one["score"]} for one in ranked]


def _cohere(body: Json, ranked: list[Json], texts: list[str], tokens: int) -> Json:
    results = _named(ranked)
    spans = body.get("relevant_spans")
    if spans and spans.get("mode") == "enabled":
        for one in results:
            one["relevant_spans"] = [{"start": 0, "end": len(texts[one["index"]]), "score": 0.5}]
    if body.get("return_documents"):
        for one in results:
            one["document"] = {"text": texts[one["index"]]}
    return {
        "id": "07734bd2-2473-4f07-94e1-0d9f0e6843cf",
        "results": results,
        "meta": {
            "api_version": {"version": "2", "is_experimental": False},
            "billed_units": {"search_units": float(-(-len(texts) // 100))},
            "tokens": {"input_tokens": tokens},
        },
    }


def _jina(body: Json, ranked: list[Json], texts: list[str], tokens: int) -> Json:
    return {
        "model": body.get("model"),
        "object": "list",
        "usage": {"total_tokens": tokens, "prompt_tokens": tokens},
        "results": _named(ranked),
    }


def _vllm(body: Json, ranked: list[Json], texts: list[str], tokens: int) -> Json:
    results = [{**one, "document": {"text": texts[one["index"]]}} for one in _named(ranked)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"id": "rerank-9f8e", "model": body.get("model"), "usage": usage, "results": results}


def _voyage(body: Json, ranked: list[Json], texts: list[str], tokens: int) -> Json:
    return {
        "object": "list",
        "data": _named(ranked),
        "model": body["model"],
        "usage": {"total_tokens": tokens},
    }


def _mixedbread(body: Json, ranked: list[Json], texts: list[str], tokens: int) -> Json:
    return {
        "usage": {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens},
        "model": body.get("model"),
        "data": [{**one, "input": None, "object": "rank_result"} for one in ranked],
        "object": "list",
        "top_k": body.get("top_k") or len(ranked),
        "return_input": False,
    }


def _pinecone(body: Json, ranked: list[Json], texts: list[str], tokens: int) -> Json:
    return {
        "model": body["model"],
        "data": [
            {**one, "document": body["documents"][one["index"]]} if body.get("return_documents") else one
            for one in ranked
        ],
        "usage": {"rerank_units": -(-len(texts) // 100)},
    }


_ENVELOPES: dict[str, Callable[[Json, list[Json], list[str], int], Json]] = {
    "cohere": _cohere,
    "cohere-v1": _cohere,
    "jina": _jina,
    "vllm": _vllm,
    "voyage": _voyage,
    "mixedbread": _mixedbread,
    "pinecone": _pinecone,
}
