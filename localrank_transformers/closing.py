"""What every local reranker closes by: `close`, `aclose`, `with` and `async with`."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from localrank.providers.worker import run_in_thread

__all__ = ["Closing"]


class Closing:
    """Base of a reranker that holds weights. A subclass says in `close` how they are let go; a later call loads again."""

    def close(self) -> None:
        """Let go of what is held."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Let go of what is held, without blocking the event loop; see `close`."""
        await run_in_thread(self.close, stop=lambda: None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
