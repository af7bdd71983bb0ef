"""A request of any dialect: what is asked, as a JSON body. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from localrank_cohere.dialects.table import Dialect
from localrank_cohere.wire.paths import put

__all__ = ["request_body"]


def request_body(
    dialect: Dialect,
    *,
    model: str | None,
    query: str,
    documents: Sequence[Any],
    top_k: int | None,
    fields: Mapping[str, Any],
) -> bytes:
    """Return the JSON body.

    Args:
        dialect: Names the fields.
        model: The model's name; left out where None.
        query: The query.
        documents: Texts, or whole objects where the dialect takes them.
        top_k: How many results are wanted; all where None.
        fields: Further fields by their paths, in place of the dialect's fixed ones.
    """
    written = [dialect.as_document(item) for item in documents]
    if dialect.numbered is not None:
        written = [{dialect.numbered: str(place), **item} for place, item in enumerate(written)]
    asked = (
        (dialect.model, model),
        (dialect.query, dialect.as_query(query, len(documents))),
        (dialect.documents, written),
        (dialect.count, top_k),
        *{**dialect.fixed, **fields}.items(),
    )
    body: dict[str, Any] = {}
    for path, value in asked:
        if path is not None and value is not None:
            put(body, path, value)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")  # a lone surrogate has no UTF-8 form
