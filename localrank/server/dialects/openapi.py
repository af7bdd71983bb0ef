"""The description of the API in OpenAPI 3.1, put together from what requests are read with and answers are written in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, get_args

import msgspec

from localrank._version import __version__
from localrank.contract.types import OutcomeKind
from localrank.server.dialects.cohere import Refusal
from localrank.server.dialects.fields import EXAMPLES, meanings
from localrank.server.dialects.score import SCORE
from localrank.server.dialects.shape import Dialect, JsonObject
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
    503: "The server is ending; Retry-After says when to ask again.",
    504: "The time was over.",
}

_SUMMARIES = {
    "cohere": "Rank documents, as Cohere does.",
    "jina": "Rank documents, as Jina does.",
    "tei": "Rank texts, as Text Embeddings Inference does.",
    "voyage": "Rank documents, as Voyage does.",
    "mixedbread": "Rank documents, as Mixedbread does.",
    "pinecone": "Rank documents, as Pinecone does.",
    "vllm": "Rank documents, as vLLM does.",
    "infinity": "Rank documents, as Infinity does: they come back as strings.",
    "score": "Score pairs of texts, as vLLM does.",
}
"""By the dialect's name."""

_WAIT = (429, 503)

_HEADERS: JsonObject = {
    "RequestId": {
        "description": "The request's own X-Request-ID, or one made here; the log has it too.",
        "schema": {"type": "string"},
        "required": True,
    },
    "Outcome": {
        "description": "What became of the ranking; of several the worst.",
        "schema": {"enum": list(get_args(OutcomeKind))},
        "required": True,
    },
    "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
}

_PARAMETERS: JsonObject = {
    "RequestTimeout": {
        "name": "X-Request-Timeout",
        "in": "header",
        "description": "Seconds after which no answer is wanted any more; the server's own limit holds too.",
        "schema": {"type": "number", "exclusiveMinimum": 0},
    },
    "RequestId": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "Comes back with the answer and stands in the log; one of another form is replaced.",
        "schema": {"type": "string", "pattern": r"^[A-Za-z0-9._:-]{1,80}$"},
    },
}


@cache
def description(open_paths: tuple[str, ...] = ()) -> JsonObject:
    """Return the document; `open_paths` need no key."""
    dialects = [*DIALECTS.values(), SCORE]
    schemas = _Schemas(dialects)
    paths: JsonObject = {
        path: {"get": _get(path, text, schemas, is_open=path in open_paths)} for path, text in _PLAIN.items()
    }
    for dialect in dialects:
        for path in dialect.paths:
            prefixed = path if dialect is SCORE else f"/{dialect.name}{path}"
            paths[prefixed] = {"post": _post(prefixed, _SUMMARIES[dialect.name], schemas, [dialect])}
    for path in ("/rerank", "/v1/rerank", "/v2/rerank"):
        summary = "Rank documents. Path and body tell whose way of asking it is; the answer has the same."
        paths[path] = {"post": _post(path, summary, schemas, list(DIALECTS.values()))}
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
            "schemas": schemas.components,
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}, {}],
    }


class _Schemas:
    """The schemas of all bodies, answers and refusals, by the types that they were made of."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._types: list[Any] = []
        for dialect in dialects:
            for kind in (dialect.body, dialect.answer, dialect.refused):
                if kind not in self._types:
                    self._types.append(kind)
        found, self.components = msgspec.json.schema_components(
            self._types, ref_template="#/components/schemas/{name}"
        )
        self._found = list(found)
        for body, example in EXAMPLES.items():
            schema, told = self.components[body.__name__], meanings(body)
            schema["examples"] = [example]
            for name, field in schema["properties"].items():
                field["description"] = told[name]

    def any_of(self, types: Sequence[Any]) -> JsonObject:
        """Return the schema of whatever fits one of `types`."""
        known = [self._found[at] for at, kind in enumerate(self._types) if kind in types]
        return known[0] if len(known) == 1 else {"anyOf": known}


def _get(path: str, text: str, schemas: _Schemas, *, is_open: bool) -> JsonObject:
    answers: JsonObject = {"200": {"description": text, "headers": _headers()}}
    if is_open:
        return {**_operation(path, text, answers), "security": []}
    answers["401"] = _response(_REFUSALS[401], schemas.any_of([Refusal]))
    if path == "/ready":
        answers["503"] = {"description": "It is not.", "headers": _headers()}
    return _operation(path, text, answers)


def _post(path: str, summary: str, schemas: _Schemas, dialects: Sequence[Dialect]) -> JsonObject:
    # what the door refuses, before it knows the dialect, has the shape that holds every key
    refusal = schemas.any_of([Refusal, *(dialect.refused for dialect in dialects)])
    answers = {
        "200": _ranking(schemas.any_of([dialect.answer for dialect in dialects])),
        **{str(status): _response(text, refusal, status) for status, text in _REFUSALS.items()},
    }
    operation = _operation(path, summary, answers)
    operation["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in _PARAMETERS]
    body = schemas.any_of([dialect.body for dialect in dialects])
    operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _ranking(schema: JsonObject) -> JsonObject:
    response = _response("The ranking.", schema)
    response["headers"]["X-Localrank-Outcome"] = {"$ref": "#/components/headers/Outcome"}
    return response


def _response(text: str, schema: JsonObject, status: int = 200) -> JsonObject:
    return {
        "description": text,
        "headers": _headers(status),
        "content": {"application/json": {"schema": schema}},
    }


def _headers(status: int = 200) -> JsonObject:
    names = {"X-Request-ID": "RequestId"} | ({"Retry-After": "RetryAfter"} if status in _WAIT else {})
    return {name: {"$ref": f"#/components/headers/{shown}"} for name, shown in names.items()}


def _operation(path: str, summary: str, answers: JsonObject) -> JsonObject:
    return {
        "operationId": path.strip("/").replace("/", "_").replace(".", "_"),
        "summary": summary,
        "responses": answers,
    }
