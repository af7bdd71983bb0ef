"""The description of the API in OpenAPI 3.1, put together from the shapes that requests are read with."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from localrank._version import __version__
from localrank.server.dialects.score import SCORE
from localrank.server.dialects.table import DIALECTS

__all__ = ["description"]

_PLAIN = {
    "/health": "Whether the process answers. Needs no key.",
    "/ping": "The same by another name.",
    "/ready": "Whether a real pair is scored.",
    "/metrics": "Counters in Prometheus' form.",
    "/v1/models": "The models by name.",
    "/info": "Model, version and limits.",
}

_REFUSALS = {
    400: "The body is no JSON object, or does not fit (Cohere's, Voyage's, Pinecone's and vLLM's status).",
    401: "No valid key.",
    404: "No model of that name.",
    413: "The body is too large.",
    415: "The body is compressed.",
    422: "The body does not fit, or is beyond a limit, which the message names.",
    429: "Too much is waiting; Retry-After says for how long.",
    500: "The model failed.",
    502: "The service behind the model failed.",
    503: "The server is ending.",
    504: "The time was over.",
}


@cache
def description() -> dict[str, Any]:
    """Return the document."""
    dialects = [*DIALECTS.values(), SCORE]
    bodies = list({dialect.body: None for dialect in dialects})
    (*references,), components = msgspec.json.schema_components(
        bodies, ref_template="#/components/schemas/{name}"
    )
    by_body = dict(zip(bodies, references, strict=True))
    paths: dict[str, Any] = {
        path: {"get": _operation(path, text, {200: text})} for path, text in _PLAIN.items()
    }
    for dialect in dialects:
        for path in dialect.paths:
            prefixed = path if dialect is SCORE else f"/{dialect.name}{path}"
            paths[prefixed] = {"post": _post(prefixed, dialect.name, [by_body[dialect.body]])}
    paths["/rerank"] = _open_path("/rerank", by_body)
    paths["/v1/rerank"] = _open_path("/v1/rerank", by_body)
    paths["/v2/rerank"] = _open_path("/v2/rerank", by_body)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "localrank",
            "version": __version__,
            "description": "Rerank documents for a query, in the dialect of whichever client asks.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}, {}],
    }


def _open_path(path: str, by_body: dict[type, Any]) -> dict[str, Any]:
    return {
        "post": _post(path, "any of the dialects, told apart by path and body", list(by_body.values())[:-1])
    }


def _post(path: str, dialect: str, schemas: list[Any]) -> dict[str, Any]:
    operation = _operation(
        path, f"Rank documents, in the words of: {dialect}.", {200: "The ranking.", **_REFUSALS}
    )
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _operation(path: str, summary: str, answers: dict[int, str]) -> dict[str, Any]:
    return {
        "operationId": path.strip("/").replace("/", "_").replace(".", "_"),
        "summary": summary,
        "responses": {str(status): {"description": text} for status, text in answers.items()},
    }
