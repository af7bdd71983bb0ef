"""How a query or a document is written where a service wants no bare text. Pure."""

from __future__ import annotations

from typing import Any

__all__ = ["once_a_document", "text_object"]


def text_object(item: Any) -> Any:
    """Return `{"text": item}` for a text; an object stays as it is."""
    return {"text": item} if isinstance(item, str) else item


def once_a_document(query: str, count: int) -> list[str]:
    """Return a list that holds the query once for each of `count` documents."""
    return [query] * count
