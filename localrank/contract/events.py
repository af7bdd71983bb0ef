"""What hooks are told: one frozen event a moment, all of one call under one `call_id`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from localrank.contract.types import RerankResult

__all__ = [
    "CallEnded",
    "CallFailed",
    "CallProgress",
    "CallStarted",
    "Hook",
    "RerankEvent",
]


@dataclass(frozen=True, slots=True)
class RerankEvent:
    """What every event carries.

    Attributes:
        call_id: The same for all events of one call.
        provider: The model's provider.
        model_id: The model's name.
        pair_index: Which of the pairs of `rerank_many` the call is for, from 0; None for a call on its own.
    """

    call_id: str
    provider: str
    model_id: str
    pair_index: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class CallStarted(RerankEvent):
    """The request is valid and the call begins.

    Attributes:
        document_count: How many documents are to be ranked.
        top_k: How many results are wanted; None means all.
    """

    document_count: int = 0
    top_k: int | None = None


@dataclass(frozen=True, slots=True)
class CallEnded(RerankEvent):
    """The call succeeded with `result`."""

    result: RerankResult[Any]


@dataclass(frozen=True, slots=True)
class CallFailed(RerankEvent):
    """The call failed with `error`."""

    error: Exception


@dataclass(frozen=True, slots=True)
class CallProgress(RerankEvent):
    """`done` of `total` documents are scored."""

    done: int
    total: int


Event = TypeVar("Event", bound=RerankEvent)

Hook: TypeAlias = Callable[[Event], Awaitable[None] | None]
"""A function of one event, sync or async. What it raises is logged and swallowed."""
