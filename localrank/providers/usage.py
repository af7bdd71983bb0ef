"""What several calls used, as one figure each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from localrank.contract.types import RerankUsage

__all__ = ["added"]

Number = TypeVar("Number", int, float)


def added(usages: Sequence[RerankUsage]) -> RerankUsage:
    """Return the sum of `usages`, without their stages.

    A figure that none knows stays None; one that only some know is the sum of those, and tokens are then marked as an estimate.
    """
    tokens = [usage.input_tokens for usage in usages]
    partly_known = None in tokens and any(count is not None for count in tokens)
    return RerankUsage(
        input_tokens=_total(tokens),
        tokens_estimated=partly_known or any(usage.tokens_estimated for usage in usages),
        search_units=_total(usage.search_units for usage in usages),
        duration_ms=_total(usage.duration_ms for usage in usages),
        load_ms=sum(usage.load_ms for usage in usages),
        truncated_documents=_total(usage.truncated_documents for usage in usages),
        api_calls=sum(usage.api_calls for usage in usages),
        cache_hits=sum(usage.cache_hits for usage in usages),
        estimated_cost=_total(usage.estimated_cost for usage in usages),
    )


def _total(values: Iterable[Number | None]) -> Number | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None
