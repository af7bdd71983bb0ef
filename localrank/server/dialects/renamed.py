"""Voyage, Mixedbread and Pinecone: the same call with the keys renamed.

Shapes: https://docs.voyageai.com/reference/reranker-api, https://www.mixedbread.com/api-reference,
https://docs.pinecone.io/reference/api/latest/inference/rerank
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from localrank.server.dialects.cohere import Refusal, Usage, refuse_in_every_shape, usage_of
from localrank.server.dialects.shape import (
    Body,
    Dialect,
    JsonObject,
    count_of,
    named_fields,
    texts_of,
)
from localrank.server.dialects.wire import Answer, RankRequest, RefusedError

__all__ = ["MIXEDBREAD", "PINECONE", "VOYAGE"]

_DOCUMENTS_A_UNIT = 100


class VoyageBody(Body, kw_only=True):
    """`truncation=false` refuses a document that does not fit."""

    query: str
    documents: list[str]
    model: str | None = None
    top_k: int | None = None
    return_documents: bool | None = None
    truncation: bool | None = None

    def read(self) -> RankRequest:
        """Return what is asked."""
        return RankRequest(
            query=self.query,
            texts=self.documents,
            originals=self.documents,
            top_k=count_of("top_k", self.top_k),
            model=self.model or None,
            echo=bool(self.return_documents),
            refuse_long=self.truncation is False,
        )


class VoyageRow(TypedDict):
    """One place of the ranking."""

    index: int
    relevance_score: float
    document: NotRequired[str]


class VoyageRanking(TypedDict):
    """The ranking, best first."""

    object: str
    data: list[VoyageRow]
    model: str
    usage: Usage


def _voyage(answer: Answer) -> VoyageRanking:
    rows: list[VoyageRow] = []
    for place in answer.ranked:
        row: VoyageRow = {"index": place.index, "relevance_score": place.score}
        if answer.request.echo:
            row["document"] = answer.request.texts[place.index]
        rows.append(row)
    return {"object": "list", "data": rows, "model": answer.model, "usage": usage_of(answer)}


class MixedbreadBody(Body, kw_only=True):
    """Documents are `input`, strings or objects of which `rank_fields` are read."""

    query: str
    input: list[str | JsonObject]
    model: str | None = None
    top_k: int | None = None
    return_input: bool | None = None
    rank_fields: list[str] | None = None
    rewrite_query: bool | None = None

    def read(self) -> RankRequest:
        """Return what is asked."""
        return RankRequest(
            query=self.query,
            texts=texts_of(self.input, self.rank_fields),
            originals=self.input,
            top_k=count_of("top_k", self.top_k),
            model=self.model or None,
            echo=bool(self.return_input),
            unheeded=named_fields({"rewrite_query": self.rewrite_query}),
        )


class MixedbreadRow(TypedDict):
    """One place of the ranking."""

    index: int
    score: float
    input: str | JsonObject | None
    object: str


class MixedbreadRanking(TypedDict):
    """The ranking, best first."""

    object: str
    model: str
    data: list[MixedbreadRow]
    top_k: int
    return_input: bool
    usage: Usage


def _mixedbread(answer: Answer) -> MixedbreadRanking:
    request = answer.request
    rows: list[MixedbreadRow] = [
        {
            "index": place.index,
            "score": place.score,
            "input": request.originals[place.index] if request.echo else None,
            "object": "rank_result",
        }
        for place in answer.ranked
    ]
    return {
        "object": "list",
        "model": answer.model,
        "data": rows,
        "top_k": request.top_k or len(rows),
        "return_input": request.echo,
        "usage": {"prompt_tokens": answer.tokens, "total_tokens": answer.tokens, "completion_tokens": 0},
    }


class PineconeBody(Body, kw_only=True):
    """Documents are objects; `rank_fields` is `["text"]` unless said otherwise."""

    query: str
    documents: list[str | JsonObject]
    model: str | None = None
    top_n: int | None = None
    return_documents: bool | None = None
    rank_fields: list[str] | None = None
    parameters: JsonObject | None = None

    def read(self) -> RankRequest:
        """Return what is asked."""
        return RankRequest(
            query=self.query,
            texts=texts_of(self.documents, self.rank_fields),
            originals=self.documents,
            top_k=count_of("top_n", self.top_n),
            model=self.model or None,
            echo=self.return_documents is not False,
            refuse_long=(self.parameters or {}).get("truncate") == "NONE",
        )


class PineconeRow(TypedDict):
    """One place of the ranking."""

    index: int
    score: float
    document: NotRequired[JsonObject]


class PineconeRanking(TypedDict):
    """The ranking, best first."""

    model: str
    data: list[PineconeRow]
    usage: JsonObject


class PineconeRefusal(TypedDict):
    """Why there is no ranking, as Pinecone writes it."""

    error: JsonObject
    status: int
    id: str


def _pinecone(answer: Answer) -> PineconeRanking:
    request = answer.request
    rows: list[PineconeRow] = []
    for place in answer.ranked:
        row: PineconeRow = {"index": place.index, "score": place.score}
        if request.echo:
            original = request.originals[place.index]
            row["document"] = {"text": original} if isinstance(original, str) else original
        rows.append(row)
    return {
        "model": answer.model,
        "data": rows,
        "usage": {"rerank_units": -(-len(request.texts) // _DOCUMENTS_A_UNIT)},
    }


def _refuse_as_pinecone(refused: RefusedError, request_id: str) -> PineconeRefusal:
    return {
        "error": {"code": refused.kind.upper(), "message": refused.message},
        "status": refused.status,
        "id": request_id,
    }


VOYAGE = Dialect(
    "voyage", VoyageBody, _voyage, refuse_in_every_shape, 400, VoyageRanking, Refusal, ("/v1/rerank",)
)
MIXEDBREAD = Dialect(
    "mixedbread",
    MixedbreadBody,
    _mixedbread,
    refuse_in_every_shape,
    422,
    MixedbreadRanking,
    Refusal,
    ("/v1/reranking",),
)
PINECONE = Dialect(
    "pinecone",
    PineconeBody,
    _pinecone,
    _refuse_as_pinecone,
    400,
    PineconeRanking,
    PineconeRefusal,
    ("/rerank",),
)
