"""Cohere's wire (versions 1 and 2) and Jina's, which is version 1 without its envelope.

One answer serves all who speak it: vLLM, Infinity, llama.cpp, Together, LocalAI, Xinference, LiteLLM and what speaks to them.
Shapes: https://docs.cohere.com/reference/rerank, https://api.jina.ai/redoc, and the clients' own types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NotRequired, TypedDict

from localrank.server.dialects.shape import (
    Body,
    Dialect,
    Json,
    JsonObject,
    count_of,
    named_fields,
    texts_of,
)
from localrank.server.dialects.wire import Answer, RankRequest, RefusedError

__all__ = ["COHERE", "INFINITY", "JINA", "VLLM", "Refusal", "Usage", "refuse_in_every_shape", "usage_of"]

_DOCUMENTS_A_UNIT = 100
"""A search unit is one query with up to 100 documents: https://cohere.com/pricing"""


class RerankBody(Body, kw_only=True):
    """The union of what these services read."""

    query: str
    documents: list[str | JsonObject]
    model: str | None = None
    top_n: int | None = None
    return_documents: bool | None = None
    rank_fields: list[str] | None = None
    instruction: str | None = None
    max_tokens_per_doc: int | None = None
    max_chunks_per_doc: int | None = None
    relevant_spans: JsonObject | None = None
    raw_scores: bool | None = None
    use_activation: bool | None = None

    def read(self) -> RankRequest:
        """Return what is asked."""
        if self.max_tokens_per_doc is not None and self.max_tokens_per_doc < 0:
            raise RefusedError(
                422, f"max_tokens_per_doc is {self.max_tokens_per_doc}; it counts tokens.", "invalid_request"
            )
        spans = (self.relevant_spans or {}).get("mode") == "enabled"
        return RankRequest(
            query=self.query,
            texts=texts_of(self.documents, self.rank_fields),
            originals=self.documents,
            top_k=count_of("top_n", self.top_n, zero_means_all=True),
            model=self.model or None,
            instruction=self.instruction or None,
            echo=bool(self.return_documents),
            raw_scores=bool(self.raw_scores) or self.use_activation is False,
            tokens_a_document=self.max_tokens_per_doc or None,
            unheeded=named_fields({"max_chunks_per_doc": self.max_chunks_per_doc, "relevant_spans": spans}),
        )


class Usage(TypedDict):
    """Tokens that the model read, by the names that clients ask for."""

    prompt_tokens: int
    total_tokens: int
    completion_tokens: NotRequired[int]


class Row(TypedDict):
    """One place of the ranking; `truncated` where only the beginning was read."""

    index: int
    relevance_score: float
    document: NotRequired[str | JsonObject]
    truncated: NotRequired[bool]


class Meta(TypedDict):
    """What Cohere's envelope tells, and what became of the ranking; `warnings` where there are any."""

    api_version: JsonObject
    billed_units: JsonObject
    tokens: JsonObject
    outcome: JsonObject
    warnings: NotRequired[list[str]]


class Ranking(TypedDict):
    """The ranking, best first."""

    id: str
    object: str
    model: str
    results: list[Row]
    usage: Usage
    meta: Meta


class RefusalError(TypedDict):
    """The refusal as vLLM and Infinity write it."""

    message: str
    type: str
    param: None
    code: int


class Refusal(TypedDict):
    """Why there is no ranking, by every key that a client of these services looks at."""

    message: str
    detail: str
    id: str
    error: RefusalError


def usage_of(answer: Answer) -> Usage:
    """Return the tokens that the model read, by the names that clients ask for."""
    return {"prompt_tokens": answer.tokens, "total_tokens": answer.tokens}


def _written(answer: Answer, echoed: Callable[[RankRequest, int], str | JsonObject]) -> Ranking:
    request = answer.request
    results: list[Row] = []
    for place in answer.ranked:
        row: Row = {"index": place.index, "relevance_score": place.score}
        if request.echo:
            row["document"] = echoed(request, place.index)
        if place.truncated:
            row["truncated"] = True
        results.append(row)
    meta: Meta = {
        "api_version": {"version": "2", "is_experimental": False},
        "billed_units": {"search_units": -(-len(request.texts) // _DOCUMENTS_A_UNIT)},
        "tokens": {"input_tokens": answer.tokens, "output_tokens": 0},
        "outcome": answer.outcome.to_dict(),
    }
    if answer.warnings:
        meta["warnings"] = list(answer.warnings)
    return {
        "id": answer.id,
        "object": "rerank",
        "model": answer.model,
        "results": results,
        "usage": usage_of(answer),
        "meta": meta,
    }


def _as_object(request: RankRequest, index: int) -> JsonObject:
    original = request.originals[index]
    return {"text": original} if isinstance(original, str) else original


def _as_string(request: RankRequest, index: int) -> str:
    return request.texts[index]


def _with_objects(answer: Answer) -> Json:
    return _written(answer, _as_object)


def _with_strings(answer: Answer) -> Json:
    return _written(answer, _as_string)


def refuse_in_every_shape(refused: RefusedError, request_id: str) -> Refusal:
    """Return an error body with every key that a client of these services looks at."""
    return {
        "message": refused.message,
        "detail": refused.message,
        "id": request_id,
        "error": {
            "message": refused.message,
            "type": refused.kind,
            "param": None,
            "code": refused.status,
        },
    }


COHERE = Dialect(
    "cohere",
    RerankBody,
    _with_objects,
    refuse_in_every_shape,
    400,
    Ranking,
    Refusal,
    ("/v1/rerank", "/v2/rerank"),
)
JINA = replace(COHERE, name="jina", invalid=422, paths=("/v1/rerank",))
VLLM = replace(COHERE, name="vllm", paths=("/rerank", "/v1/rerank", "/v2/rerank"))
INFINITY = replace(COHERE, name="infinity", write=_with_strings, invalid=422, paths=("/rerank",))
"""Its client wants the document as a string, where all others want an object."""
