"""Work side by side: the first failure stops the rest and is raised as it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import anyio

from localrank.providers.cancelled import pass_cancellation, raise_what_ends_programs
from localrank.providers.worker import cancel_requests

__all__ = ["all_of"]


async def all_of(works: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Await all of `works`, side by side.

    Raises:
        Exception: What the first that failed raised. The others are cancelled, and what they raise on their way out is dropped,
            as is everything where the host is cancelled.
    """
    before = cancel_requests()
    failures: list[Exception] = []

    async def one(work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            failures.append(error)
            group.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as group:
            for work in works:
                group.start_soon(one, work)
    except BaseExceptionGroup as grouped:  # of trio, where an error stood beside the cancellation
        raise_what_ends_programs(grouped)
        await pass_cancellation(before)
        if not failures:
            raise
    if failures:
        await pass_cancellation(before)
        raise failures[0]
