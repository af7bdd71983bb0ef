"""Work that fails while it is cancelled."""

from __future__ import annotations

import anyio

__all__ = ["fails_while_it_is_cancelled"]


async def fails_while_it_is_cancelled() -> None:
    """Wait in a task group of its own, in which an error comes on the way out."""

    async def child() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise OSError("the connection could not be closed")

    async with anyio.create_task_group() as group:
        group.start_soon(child)
        await anyio.sleep_forever()
