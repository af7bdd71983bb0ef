"""Rules of use by many at once: tasks of one loop, and threads."""

from __future__ import annotations

from functools import partial

import anyio
import anyio.to_thread

from localrank.calling.sync import rerank_sync, run_blocking
from localrank.contract.model import AnyReranker
from localrank.testing.conformance.bench import DOCUMENTS, QUERY, Bench, by_index, close, rule

__all__ = ["check_concurrent_tasks", "check_concurrent_threads"]

_AT_ONCE = 6


@rule
async def check_concurrent_tasks(bench: Bench) -> None:
    """Calls of many tasks at once give the scores they give alone."""
    async with bench.model() as model:
        alone = await bench.scores(model, DOCUMENTS)
        together: list[list[float]] = []

        async def call() -> None:
            together.append(await bench.scores(model, DOCUMENTS))

        async with anyio.create_task_group() as group:
            for _ in range(_AT_ONCE):
                group.start_soon(call)
        for scores in together:
            bench.require_same(alone, scores, "among concurrent tasks")


@rule
async def check_concurrent_threads(bench: Bench) -> None:
    """Calls of `rerank_sync` from many threads give the scores they give alone."""
    model = bench.take()
    try:
        alone = await anyio.to_thread.run_sync(_scores, model)
        together: list[list[float]] = []

        async def call() -> None:
            together.append(await anyio.to_thread.run_sync(_scores, model))

        async with anyio.create_task_group() as group:
            for _ in range(_AT_ONCE):
                group.start_soon(call)
        for scores in together:
            bench.require_same(alone, scores, "in threads")
    finally:
        # Closed on the loop it was used on: pooled connections belong to that one.
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(run_blocking, partial(close, model))


def _scores(model: AnyReranker) -> list[float]:
    return by_index(rerank_sync(model, QUERY, DOCUMENTS, max_retries=0))
