"""What a reranker was made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from localrank_cohere.dialects.endpoints import Endpoint
from localrank_cohere.dialects.keys import Secret
from localrank_cohere.dialects.table import Dialect

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a reranker was made with.

    Attributes:
        dialect: How the service is asked.
        model: The model's name; None where the service has one model only.
        endpoint: Where to.
        key: The key given by the caller.
        headers: Further headers, by lower-case name.
        fields: Keys of an object that are sent; () for all; None sends texts only.
        max_documents: Documents in one request; None for no limit.
        comparable: Scores of different requests can be compared.
    """

    dialect: Dialect
    model: str | None
    endpoint: Endpoint = field(repr=False)
    key: Secret | None
    headers: Mapping[str, str] = field(repr=False)
    fields: tuple[str, ...] | None
    max_documents: int | None
    comparable: bool
