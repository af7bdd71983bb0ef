"""Services that serve models of their own, each with a dialect of its own."""

from __future__ import annotations

from localrank_cohere.dialects.dialect import Dialect
from localrank_cohere.dialects.options import (
    Option,
    end_or_none,
    flag,
    mapping,
    names,
    one_of,
    spans,
    text,
    whole_number,
)
from localrank_cohere.dialects.pictures import either
from localrank_cohere.dialects.shapes import text_object

__all__ = ["ROWS"]

_COHERE_KEYS = ("CO_API_KEY", "COHERE_API_KEY")

COHERE = Dialect(
    name="cohere",
    provider="cohere",
    source="https://docs.cohere.com/reference/rerank",
    path="/v2/rerank",
    home="https://api.cohere.com",
    hosts=("cohere.com", "cohere.ai"),
    key_variables=_COHERE_KEYS,
    options=(
        Option("max_tokens_per_doc", whole_number(1)),
        Option("priority", whole_number(0, 999)),
        Option("relevant_spans", spans),
    ),
    max_documents=1_000,
    score_kind="probability",
)

COHERE_V1 = Dialect(
    name="cohere-v1",
    provider="cohere",
    source="https://docs.cohere.com/v1/reference/rerank",
    path="/v1/rerank",
    home="https://api.cohere.com",
    hosts=("cohere.com", "cohere.ai"),
    key_variables=_COHERE_KEYS,
    takes_objects=True,
    object_fields="rank_fields",
    options=(Option("max_chunks_per_doc", whole_number(1)),),
    max_documents=1_000,
    needs_model=False,
    score_kind="probability",
)

JINA = Dialect(
    name="jina",
    provider="jina",
    source="https://api.jina.ai/docs",
    path="/v1/rerank",
    also_short=True,  # Infinity (https://michaelfeil.eu/infinity)
    home="https://api.jina.ai",
    hosts=("jina.ai",),
    key_variables=("JINA_API_KEY",),
    fixed={"return_documents": False},
    as_picture=either,
    seeing=("jina-reranker-m0",),
    options=(Option("raw_scores", flag), Option("user", text)),
)

VOYAGE = Dialect(
    name="voyage",
    provider="voyage",
    source="https://docs.voyageai.com/reference/reranker-api",
    path="/v1/rerank",
    count="top_k",
    rows="data",
    home="https://api.voyageai.com",
    hosts=("voyageai.com",),
    key_variables=("VOYAGE_API_KEY",),
    fixed={"truncation": True},
    options=(Option("truncation", flag),),
    max_documents=1_000,
)

MIXEDBREAD = Dialect(
    name="mixedbread",
    provider="mixedbread",
    source="https://www.mixedbread.com/api-reference",
    path="/v1/reranking",
    documents="input",
    count="top_k",
    rows="data",
    score="score",
    home="https://api.mixedbread.com",
    hosts=("mixedbread.com", "mixedbread.ai"),
    key_variables=("MXBAI_API_KEY", "MIXEDBREAD_API_KEY"),
    fixed={"return_input": False},
    takes_objects=True,
    object_fields="rank_fields",
    options=(Option("rewrite_query", flag),),
    needs_model=False,
)

PINECONE = Dialect(
    name="pinecone",
    provider="pinecone",
    source="https://docs.pinecone.io/reference/api/latest/inference/rerank",
    path="/rerank",
    rows="data",
    score="score",
    home="https://api.pinecone.io",
    hosts=("pinecone.io",),
    key_variables=("PINECONE_API_KEY",),
    key_header="Api-Key",
    headers={"X-Pinecone-Api-Version": "2026-07"},
    fixed={"return_documents": False, "rank_fields": ["text"], "parameters.truncate": "END"},
    as_document=text_object,
    takes_objects=True,
    object_fields="rank_fields",
    options=(Option("truncation", end_or_none, "parameters.truncate"), Option("rank_fields", names)),
)

ZEROENTROPY = Dialect(
    name="zeroentropy",
    provider="zeroentropy",
    source="https://docs.zeroentropy.dev/api-reference/models/rerank",
    path="/v1/models/rerank",
    home="https://api.zeroentropy.dev",
    hosts=("zeroentropy.dev",),
    key_variables=("ZEROENTROPY_API_KEY",),
    options=(Option("latency", one_of("fast", "slow")),),
    score_kind="probability",
)

CONTEXTUAL = Dialect(
    name="contextual",
    provider="contextual",
    source="https://docs.contextual.ai/api-reference/rerank/rerank",
    path="/v1/rerank",
    home="https://api.contextual.ai",
    hosts=("contextual.ai",),
    key_variables=("CONTEXTUAL_API_KEY",),
    instruction="instruction",
    score_kind="probability",
)

ISAACUS = Dialect(
    name="isaacus",
    provider="isaacus",
    source="https://docs.isaacus.com/api-reference/rerankings/reranking",
    path="/v1/rerankings",
    documents="texts",
    score="score",
    home="https://api.isaacus.com",
    hosts=("isaacus.com",),
    key_variables=("ISAACUS_API_KEY",),
    options=(
        Option("is_iql", flag),
        Option("scoring_method", one_of("auto", "chunk_max", "chunk_avg", "chunk_min")),
        Option("chunking_options", mapping),
    ),
    score_kind="probability",
)

ROWS = (COHERE, COHERE_V1, JINA, VOYAGE, MIXEDBREAD, PINECONE, ZEROENTROPY, CONTEXTUAL, ISAACUS)
"""Limits: Voyage 1,000 documents; Cohere 10,000, with the advice of 1,000 (https://docs.cohere.com/docs/reranking-best-practices).
"""
