"""An answer that comes in pages: ask on until there are no more, and make one answer of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from localrank.contract.errors import InvalidResponseError
from localrank.contract.model import DoRerankResult
from localrank.contract.types import RerankUsage
from localrank_cohere.wire.paths import found, without

__all__ = ["all_pages"]


async def all_pages(
    page: str, ask: Callable[[Mapping[str, Any]], Awaitable[DoRerankResult]], count: int
) -> DoRerankResult:
    """Return the ranking of `count` documents from as many pages as it takes.

    Args:
        page: Field with the name of the next page, in an answer and in the request for it.
        ask: Sends a request with these further fields.
        count: Documents.

    Raises:
        InvalidResponseError: A page brings nothing new and still names another, or a document is on two pages.
    """
    answer = await ask({})
    while (following := found(dict(answer.provider_metadata or {}), page)) is not None:
        more = await ask({page: following})
        results = [*answer.results, *more.results]
        if not more.results or len({item.index for item in results}) < len(results):
            raise InvalidResponseError(
                f"A page of the answer holds no document, or one of an earlier page, after {len(answer.results)} of {count}.",
                hint="Send fewer documents: set max_documents_per_call.",
            )
        calls = [(one.usage or RerankUsage()).api_calls for one in (answer, more)]
        answer = replace(
            more, results=results, usage=replace(more.usage or RerankUsage(), api_calls=sum(calls))
        )
    return replace(answer, provider_metadata=without(dict(answer.provider_metadata or {}), page))
