"""How `localrank doctor --server` asks a server of which nothing is known: one reranker for each dialect."""

from __future__ import annotations

from collections.abc import Iterator

from localrank.providers.diagnosis import Way
from localrank_cohere.cohere_reranker import CohereReranker
from localrank_cohere.dialects.endpoints import belongs_to_vendor
from localrank_cohere.dialects.table import DIALECTS, Dialect

__all__ = ["ways"]

_ANY_MODEL = "default"
"""For a dialect that has to name a model, where nobody named one: servers with a single model seldom look at it."""


def ways(url: str, model: str | None, api_key: str | None) -> Iterator[Way]:
    """Yield the ways to ask the server at `url`, the likeliest first.

    That is the vendor's own at its host; else what needs no model where none is named, and servers that people run themselves.

    Raises:
        InvalidRequestError: The address or the key cannot be one.
    """

    def rank(dialect: Dialect) -> tuple[bool, ...]:
        is_of_others = not belongs_to_vendor(dialect, url)
        return is_of_others, model is None and dialect.needs_model, dialect.home is not None

    for dialect in sorted(DIALECTS, key=rank):
        named = model or (_ANY_MODEL if dialect.needs_model else "")
        yield Way(dialect.name, _reranker(dialect, url, named, api_key))


def _reranker(dialect: Dialect, url: str, model: str, api_key: str | None) -> CohereReranker:
    return CohereReranker(model, api_key=api_key, base_url=url, dialect=dialect.name)
