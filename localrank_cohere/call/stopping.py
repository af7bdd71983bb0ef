"""Stop a request at once when the caller's abort token is set: the connection is closed, not waited for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from localrank.contract.cancellation import POLL_INTERVAL_S, AbortToken, raise_if_aborted
from localrank.contract.errors import RerankAbortedError

__all__ = ["until_aborted"]

T = TypeVar("T")


async def until_aborted(work: Callable[[], Awaitable[T]], token: AbortToken | None) -> T:
    """Return what `work` returns, or raise what it raises.

    Raises:
        RerankAbortedError: `token` was set first, or while `work` ended.
    """
    if token is None:
        return await work()
    raise_if_aborted(token)
    values: list[T] = []
    errors: list[Exception] = []

    async def watch() -> None:
        try:
            while not token.is_set():
                await anyio.sleep(POLL_INTERVAL_S)
        except Exception as error:  # whatever a token of the caller's raises
            errors.append(error)
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            values.append(await work())
        except Exception as error:
            errors.append(error)
        group.cancel_scope.cancel()
    if token.is_set() or not (values or errors):
        raise RerankAbortedError
    if errors:
        raise errors[0]
    return values[0]
