"""The dialects of remote reranking as a table: what differs between vendors is data, the code path is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.contract.types import ScoreKind
from localrank.providers.registry import unknown_model
from localrank_cohere.dialects.options import (
    Option,
    flag,
    mapping,
    names,
    one_of,
    spans,
    text,
    truncate_parameter,
    whole_number,
)

__all__ = ["DIALECTS", "Dialect", "dialect_named"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of services is asked and how it answers.

    Attributes:
        name: The dialect's name.
        provider: The provider's name, under which options are given.
        source: Where the shapes are documented.
        path: Of the endpoint.
        also_short: Some servers of the dialect have the endpoint at the last word of `path` only.
        documents: Field of the documents in the request.
        count: Field of the number of results wanted; None where the service always ranks all.
        rows: Field of the results in the answer; None where the answer is the bare list.
        score: Field of a result's score.
        home: The vendor's own address; None for servers that people run themselves.
        hosts: Hosts that belong to the vendor, their subdomains included: only these get a key from the environment.
        key_variables: Environment variables that may hold the key, in order.
        key_header: The header that carries the key; `Authorization` takes it as a bearer token.
        headers: Further headers that the service wants.
        fixed: Fields that are always sent, unless an option says otherwise.
        wraps_text: Documents are sent as objects with `text`.
        takes_objects: Whole objects are sent as they are; else as YAML.
        object_fields: Field that names the keys of an object to be read; None where the service has none.
        instruction: Field of the instruction; None where the service has none.
        options: What the caller may set.
        token_header: Header of the answer with the number of tokens read.
        max_documents: What one call takes, or the vendor advises.
        needs_model: Whether the service refuses a request without a model.
        score_kind: What a score is.
    """

    name: str
    provider: str
    source: str
    path: str
    also_short: bool = False
    documents: str = "documents"
    count: str | None = "top_n"
    rows: str | None = "results"
    score: str = "relevance_score"
    home: str | None = None
    hosts: tuple[str, ...] = ()
    key_variables: tuple[str, ...] = ()
    key_header: str = "Authorization"
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    fixed: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    wraps_text: bool = False
    takes_objects: bool = False
    object_fields: str | None = None
    instruction: str | None = None
    options: tuple[Option, ...] = ()
    token_header: str | None = None
    max_documents: int | None = None
    needs_model: bool = True
    score_kind: ScoreKind = "unknown"

    def __reduce__(self) -> tuple[Callable[[str], Dialect], tuple[str]]:
        return dialect_named, (self.name,)


_COHERE_KEYS = ("CO_API_KEY", "COHERE_API_KEY")

DIALECTS: tuple[Dialect, ...] = (
    Dialect(
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
    ),
    Dialect(
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
    ),
    Dialect(
        name="jina",
        provider="jina",
        source="https://api.jina.ai/docs",
        path="/v1/rerank",
        also_short=True,  # Infinity (https://michaelfeil.eu/infinity)
        home="https://api.jina.ai",
        hosts=("jina.ai",),
        key_variables=("JINA_API_KEY",),
        fixed={"return_documents": False},
        options=(Option("raw_scores", flag), Option("user", text)),
    ),
    Dialect(
        name="vllm",
        provider="vllm",
        source="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        path="/v1/rerank",
        instruction="instruction",
        options=(
            Option("max_tokens_per_query", whole_number(0)),
            Option("max_tokens_per_doc", whole_number(0)),
            Option("truncate_prompt_tokens", whole_number(-1)),
            Option("truncation_side", one_of("left", "right")),
            Option("use_activation", flag),
            Option("chat_template_kwargs", mapping),
            Option("priority", whole_number(-(2**31))),
            Option("request_id", text),
            Option("cache_salt", text),
            Option("user", text),
        ),
        needs_model=False,
    ),
    Dialect(
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
    ),
    Dialect(
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
    ),
    Dialect(
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
        fixed={"return_documents": False, "rank_fields": ["text"], "parameters": {"truncate": "END"}},
        wraps_text=True,
        takes_objects=True,
        object_fields="rank_fields",
        options=(Option("truncation", truncate_parameter, "parameters"), Option("rank_fields", names)),
    ),
    Dialect(
        name="tei",
        provider="tei",
        source="https://huggingface.github.io/text-embeddings-inference/",
        path="/rerank",
        documents="texts",
        count=None,
        rows=None,
        score="score",
        fixed={"truncate": True},
        options=(
            Option("truncation", flag, "truncate"),
            Option("truncation_direction", one_of("Left", "Right")),
            Option("raw_scores", flag),
        ),
        token_header="x-compute-tokens",  # noqa: S106 - the name of a header
        max_documents=32,
        needs_model=False,
    ),
)
"""Every dialect. The limits are the services' own: Voyage 1,000 documents, TEI 32 (`--max-client-batch-size`), Cohere 10,000
with the advice of 1,000 (https://docs.cohere.com/docs/reranking-best-practices)."""


def dialect_named(name: str) -> Dialect:
    """Return the dialect called `name`.

    Raises:
        InvalidRequestError: There is none; the hint offers near names.
    """
    for dialect in DIALECTS:
        if dialect.name == name:
            return dialect
    hint = unknown_model("dialect", str(name), (dialect.name for dialect in DIALECTS)).hint
    raise InvalidRequestError(f"There is no dialect {name!r}.", hint=hint)
