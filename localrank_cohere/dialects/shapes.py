"""How a query or a document is written where a service wants no bare text. Pure."""

from __future__ import annotations

from typing import Any

__all__ = ["in_a_list", "text_object"]


def text_object(item: Any) -> Any:
    """Return `{"text": item}` for a text; an object stays as it is."""
    return {"text": item} if isinstance(item, str) else item


def in_a_list(query: str) -> list[str]:
    """Return the query as the only one of a list."""
    return [query]
