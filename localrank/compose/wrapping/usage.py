"""The usage of several stages as one: summed, and itemised beneath the sum. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from localrank.contract.types import RerankUsage, StageUsage

__all__ = ["summed"]

Number = TypeVar("Number", int, float)


def summed(stages: Sequence[StageUsage], *, cache_hits: int = 0) -> RerankUsage:
    """Return the sum of `stages` with `stages` beneath it.

    A figure that no stage knows stays None; one that only some know is the sum of those, and tokens are then marked as an
    estimate. `duration_ms` is left to the core: stages may have run side by side.

    Args:
        stages: One entry a call of an inner model.
        cache_hits: Documents that the wrapper itself answered from a cache.
    """
    usages = [stage.usage for stage in stages]
    tokens = [usage.input_tokens for usage in usages]
    partly_known = None in tokens and any(count is not None for count in tokens)
    return RerankUsage(
        input_tokens=_total(tokens) if stages else 0,
        tokens_estimated=partly_known or any(usage.tokens_estimated for usage in usages),
        search_units=_total(usage.search_units for usage in usages),
        load_ms=sum(usage.load_ms for usage in usages),
        truncated_documents=_total(usage.truncated_documents for usage in usages),
        api_calls=sum(usage.api_calls for usage in usages),
        cache_hits=cache_hits + sum(usage.cache_hits for usage in usages),
        estimated_cost=_total(usage.estimated_cost for usage in usages),
        stages=tuple(stages),
    )


def _total(values: Iterable[Number | None]) -> Number | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None
