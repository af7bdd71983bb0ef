"""Remote models as strings: `cohere:rerank-v3.5`, `jina:MODEL@http://127.0.0.1:7997`, `tei:http://127.0.0.1:8080`.

string                 means
DIALECT:MODEL          the model at the vendor's own address
DIALECT:MODEL@URL      the model at another address
DIALECT:URL            the one model of a server (`tei`, `vllm`)
"""

from __future__ import annotations

from typing import Protocol

from localrank_cohere.cohere_reranker import CohereReranker

__all__ = ["cohere", "cohere_v1", "jina", "mixedbread", "pinecone", "tei", "vllm", "voyage"]


class _Make(Protocol):
    def __call__(
        self, body: str, *, api_key: str | None = None, base_url: str | None = None
    ) -> CohereReranker: ...


def _of_dialect(dialect: str, default_url: str | None = None) -> _Make:
    def make(body: str, *, api_key: str | None = None, base_url: str | None = None) -> CohereReranker:
        model, url = _split(body)
        return CohereReranker(
            model, api_key=api_key, base_url=base_url or url or default_url, dialect=dialect
        )

    make.__doc__ = f"Return the reranker for what stands behind `{dialect}:`."
    return make


cohere = _of_dialect("cohere")
cohere_v1 = _of_dialect("cohere-v1")
jina = _of_dialect("jina")
mixedbread = _of_dialect("mixedbread")
pinecone = _of_dialect("pinecone")
tei = _of_dialect("tei")
vllm = _of_dialect("vllm", "http://127.0.0.1:8000")
voyage = _of_dialect("voyage")


def _split(body: str) -> tuple[str, str | None]:
    if body.startswith(("http://", "https://")):
        return "", body
    for scheme in ("@http://", "@https://"):
        model, at, rest = body.partition(scheme)
        if at:
            return model, scheme[1:] + rest
    return body, None
