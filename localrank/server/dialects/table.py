"""The dialects by name, and which of them a request speaks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from localrank.server.dialects.cohere import COHERE, INFINITY, JINA, VLLM
from localrank.server.dialects.renamed import MIXEDBREAD, PINECONE, VOYAGE
from localrank.server.dialects.shape import Dialect
from localrank.server.dialects.tei import TEI

__all__ = ["DIALECTS", "RERANK_PATHS", "forced", "recognize"]

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect for dialect in (COHERE, JINA, TEI, VOYAGE, MIXEDBREAD, PINECONE, VLLM, INFINITY)
}

RERANK_PATHS = (
    "/rerank",
    "/v1/rerank",
    "/v2/rerank",
    "/reranking",
    "/v1/reranking",
    "/v1/v2/rerank",  # what a Cohere client sends whose base address ends in /v1
)


def forced(path: str) -> Dialect | None:
    """Return the dialect that the first part of `path` names, if any."""
    return DIALECTS.get(path.strip("/").partition("/")[0])


def recognize(path: str, headers: Mapping[str, str], keys: Collection[Any]) -> Dialect:
    """Return the dialect of a body with `keys` at `path`, by what no other dialect has.

    `texts` is TEI's, `input` Mixedbread's, `top_k` and `truncation` are Voyage's (its client sends both, as null when unset),
    the header `X-Pinecone-Api-Version` is Pinecone's. All others read and write one superset, which differs in error statuses.
    """
    named = forced(path)
    if named is not None:
        return named
    if "texts" in keys and "documents" not in keys:
        return TEI
    if "input" in keys and "documents" not in keys:
        return MIXEDBREAD
    if "x-pinecone-api-version" in headers:
        return PINECONE
    if "top_k" in keys or "truncation" in keys:
        return VOYAGE
    return COHERE if path.endswith("/v2/rerank") else JINA
