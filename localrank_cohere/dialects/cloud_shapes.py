"""How the clouds' own wires write a query and a document. Pure."""

from __future__ import annotations

from typing import Any

__all__ = ["bedrock_query", "bedrock_source", "titled_record"]


def bedrock_query(query: str, _: int) -> list[dict[str, Any]]:
    """Return Bedrock's list of one query."""
    return [{"type": "TEXT", "textQuery": {"text": query}}]


def bedrock_source(item: Any) -> dict[str, Any]:
    """Return Bedrock's source: a text, or an object as JSON."""
    is_text = isinstance(item, str)
    held = {"textDocument": {"text": item}} if is_text else {"jsonDocument": item}
    return {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT" if is_text else "JSON", **held}}


def titled_record(item: Any) -> dict[str, str]:
    """Return Vertex's record: `title` from the key of that name, `content` from all else, a line each where it is more."""
    if isinstance(item, str):
        return {"content": item}
    rest = {key: value for key, value in item.items() if key != "title"}
    lines = [f"{key}: {value}" for key, value in rest.items()] if len(rest) > 1 else list(rest.values())
    record = {"title": item.get("title", ""), "content": "\n".join(lines)}
    return {name: value for name, value in record.items() if value}
