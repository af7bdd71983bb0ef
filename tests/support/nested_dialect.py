"""A dialect whose fields all stand in objects of objects."""

from __future__ import annotations

from localrank_cohere.dialects.shapes import once_a_document, text_object
from localrank_cohere.dialects.table import Dialect

__all__ = ["NESTED"]

NESTED = Dialect(
    name="nested",
    provider="nested",
    source="made up",
    path="/rank/{model}",
    model="settings.model",
    query="input.query",
    documents="input.documents",
    as_query=once_a_document,
    as_document=text_object,
    count="settings.top_n",
    rows="output.rows",
    index="place",
    score="scores.relevance",
    fixed={"settings.echo": False, "settings.cut": "END"},
)
