"""The embedded model with its progress in view, to see that a cancelled framework stops it."""

from __future__ import annotations

from dataclasses import replace

import anyio

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

    async def begun(self) -> None:
        """Wait until some document is scored."""
        with anyio.fail_after(20):
            while not self.done:
                await anyio.sleep(0.002)

    async def ended(self) -> int:
        """Wait until the count stands still for 100 ms, and return it."""
        with anyio.fail_after(20):
            while True:
                before = self.done
                await anyio.sleep(0.1)
                if before == self.done:
                    return before
