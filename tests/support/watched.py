"""The embedded model with its progress in view, to see that a cancelled framework stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import anyio
import pytest

from localrank import DoRerankOptions, wrapped
from localrank_transformers import OnnxReranker

LONG = "The ferry leaves the harbour at seven, and the museum stays closed on Mondays. " * 12


class Watched:
    """Counts the documents that the embedded model has scored.

    Attributes:
        model: The model.
        done: Documents scored so far in the last call.
    """

    def __init__(self) -> None:
        self.done = 0
        self.model = wrapped(OnnxReranker(), transform_options=self._listen)

    def _listen(self, options: DoRerankOptions) -> DoRerankOptions:
        return replace(options, report_progress=self._progress)

    def _progress(self, done: int, total: int) -> None:
        self.done = max(self.done, done)

    async def cancelled(self, call: Coroutine[Any, Any, object]) -> int:
        """Cancel `call` in the midst of the computation, and return how many documents were scored all the same."""
        task = asyncio.create_task(call)
        await self._begun()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await self._ended()

    async def _begun(self) -> None:
        with anyio.fail_after(20):
            while not self.done:
                await anyio.sleep(0.002)

    async def _ended(self) -> int:
        with anyio.fail_after(20):
            while True:
                before = self.done
                await anyio.sleep(0.1)
                if before == self.done:
                    return before
