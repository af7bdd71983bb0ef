"""The host's own cancellation, which nothing that is raised on the way out may hide."""

from __future__ import annotations

import asyncio

from anyio.lowlevel import checkpoint_if_cancelled

from localrank.providers.beside import ENDS_PROGRAMS
from localrank.providers.worker import cancel_requests

__all__ = ["pass_cancellation", "raise_what_ends_programs"]


async def pass_cancellation(before: int) -> None:
    """Raise the cancellation of the host where there is one.

    Args:
        before: `cancel_requests` when the work began. `asyncio.Task.cancel` raises once, and not again in work that answered it
            with an error of its own.

    Raises:
        BaseException: That of the event loop for work that is cancelled.
    """
    await checkpoint_if_cancelled()
    if cancel_requests() > before:
        raise asyncio.CancelledError


def raise_what_ends_programs(grouped: BaseExceptionGroup[BaseException]) -> None:
    """Raise the first `SystemExit` or `KeyboardInterrupt` of a group as it is."""
    found: BaseException | None = grouped.subgroup(ENDS_PROGRAMS)
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    if found is not None:
        raise found from None
