"""One client doing many calls at once, in a process of its own: prints its CPU seconds as JSON.

Imports nothing but the client that is asked for, so that it also runs where only the vendor's client is installed.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

MODEL, QUERY, KEY = "rerank-v3.5", "How do I cancel a running request?", "no-real-key"
DOCUMENTS = [f"Paragraph {number}: a request is cancelled by setting its token. " * 4 for number in range(10)]


async def measure(call: Callable[[], Awaitable[Any]], calls: int, parallel: int) -> dict[str, float]:
    """Return CPU and wall seconds of `calls` calls, at most `parallel` at once, after a few to warm up."""
    await asyncio.gather(*(call() for _ in range(4)))
    left = iter(range(calls))

    async def work() -> None:
        for _ in left:
            await call()

    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(parallel)))
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"cpu_s": cpu, "wall_s": time.perf_counter() - started}


async def ours(url: str, calls: int, parallel: int) -> dict[str, float]:
    """Measure `rerank` with `CohereReranker`."""
    from localrank import rerank  # noqa: PLC0415
    from localrank_cohere import CohereReranker  # noqa: PLC0415

    async with CohereReranker(MODEL, api_key=KEY, base_url=url) as reranker:
        return await measure(lambda: rerank(reranker, QUERY, DOCUMENTS, top_k=5), calls, parallel)


async def official(url: str, calls: int, parallel: int) -> dict[str, float]:
    """Measure the vendor's async client."""
    import cohere  # noqa: PLC0415

    async with cohere.AsyncClientV2(api_key=KEY, base_url=url) as client:

        def call() -> Awaitable[Any]:
            return client.rerank(model=MODEL, query=QUERY, documents=DOCUMENTS, top_n=5)

        found = await measure(call, calls, parallel)
    return {**found, "version": cohere.__version__}


if __name__ == "__main__":
    which, address, count, at_once = sys.argv[1:]
    chosen = {"ours": ours, "official": official}[which]
    print(json.dumps(asyncio.run(chosen(address, int(count), int(at_once)))))
