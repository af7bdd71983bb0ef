"""Remote models as strings: `cohere:rerank-v3.5`, `jina:MODEL@http://127.0.0.1:7997`, `tei:http://127.0.0.1:8080`.

string                 means
DIALECT:MODEL          the model at the vendor's own address, or at the one where such a server listens
DIALECT:MODEL@URL      the model at another address
DIALECT:URL            the one model of a server (`tei`, `vllm`, `llamacpp` …)

Each dialect has a factory here under its name, with `_` for `-`: `strings.cohere_v1`.
"""

from __future__ import annotations

from typing import Protocol

from localrank_cohere.cohere_reranker import CohereReranker
from localrank_cohere.dialects.table import DIALECTS

__all__: list[str] = []


class _Make(Protocol):
    def __call__(
        self, body: str, *, api_key: str | None = None, base_url: str | None = None
    ) -> CohereReranker: ...


def _of_dialect(dialect: str) -> _Make:
    def make(body: str, *, api_key: str | None = None, base_url: str | None = None) -> CohereReranker:
        model, url = _split(body)
        return CohereReranker(model, api_key=api_key, base_url=base_url or url, dialect=dialect)

    make.__doc__ = f"Return the reranker for what stands behind `{dialect}:`."
    return make


_FACTORIES = {dialect.name.replace("-", "_"): _of_dialect(dialect.name) for dialect in DIALECTS}


def __getattr__(name: str) -> _Make:
    """Return the factory of a dialect: entry points name one by one, and a row of the table is enough to have it."""
    if name not in _FACTORIES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _FACTORIES[name]


def _split(body: str) -> tuple[str, str | None]:
    if body.startswith(("http://", "https://")):
        return "", body
    for scheme in ("@http://", "@https://"):
        model, at, rest = body.partition(scheme)
        if at:
            return model, scheme[1:] + rest
    return body, None
