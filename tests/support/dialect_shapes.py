"""The dialects that differ in how a request is written or an answer read: one of each such kind.

Rows that differ in a name, an address, a key or an option run through the same code. With LOCALRANK_EVERY_DIALECT set, all rows
stand here.
"""

from __future__ import annotations

import os
from collections.abc import Hashable

from localrank_cohere.dialects.table import DIALECTS, Dialect

__all__ = ["SHAPES"]


def _shape(dialect: Dialect) -> Hashable:
    return (
        (dialect.model, "{model}" in dialect.path, dialect.query, dialect.documents),
        (dialect.as_query, dialect.as_document, dialect.count is None),
        (dialect.rows, dialect.index, dialect.score),
        (dialect.takes_objects, dialect.object_fields),
    )


_KINDS = [*{_shape(dialect): dialect.name for dialect in reversed(DIALECTS)}.values(), "vllm"]
"""And one that differs from the first in nothing but that it reads an instruction."""

SHAPES = [dialect.name for dialect in DIALECTS] if os.environ.get("LOCALRANK_EVERY_DIALECT") else _KINDS
