"""A thousand calls while 30 % of the answers are 429, 500 or a reset connection: how each ends, and what it sent.

    python -m benchmarks.remote.faults

Each call must end in a result or a typed error, in time, with as many requests as its retry policy allows: one more than the
failures it met, at most `1 + max_retries`.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio

from benchmarks.common.results import Bar, write
from benchmarks.common.statistics import percentile
from benchmarks.common.tables import markdown_table, milliseconds
from benchmarks.remote.server import serving, settled, stats
from localrank import APICallError, RerankError, RetryError, RetryPolicy, rerank
from localrank_cohere import CohereReranker

CALLS, PARALLEL, RATE, MAX_RETRIES, TIMEOUT_S, GRACE_S = 1_000, 64, 0.30, 2, 20.0, 0.5


@dataclass(slots=True)
class Tally:
    """How the calls ended.

    Attributes:
        endings: Kind of ending → number of calls.
        attempts: Requests that the calls say they made.
        over: Calls that made more requests than the policy allows.
        untyped: Errors outside the tree.
        seconds: The time of each call.
    """

    endings: Counter[str] = field(default_factory=Counter[str])
    attempts: int = 0
    over: int = 0
    untyped: int = 0
    seconds: list[float] = field(default_factory=list[float])


async def call(reranker: CohereReranker, tally: Tally) -> None:
    """Make one call and note how it ended."""
    waits = 0

    async def sleep(seconds: float) -> None:
        nonlocal waits
        waits += 1
        await anyio.sleep(seconds)

    policy = RetryPolicy(max_retries=MAX_RETRIES, initial_delay=0.005, sleep=sleep)
    started = time.perf_counter()
    try:
        result = await rerank(reranker, "a", ["a document", "another"], retry=policy, timeout=TIMEOUT_S)
        ending = f"result after {waits + 1} attempts" if len(result) == 2 else "incomplete result"
    except RetryError as error:
        typed = all(isinstance(one, APICallError) for one in error.errors)
        tally.untyped += not typed or len(error.errors) != waits + 1
        ending = f"RetryError after {len(error.errors)} attempts"
    except RerankError as error:
        ending = type(error).__name__
    except Exception as error:
        tally.untyped += 1
        ending = f"untyped {type(error).__name__}"
    tally.seconds.append(time.perf_counter() - started)
    tally.endings[ending] += 1
    tally.attempts += waits + 1
    tally.over += waits > MAX_RETRIES


async def measure(url: str, calls: int) -> Tally:
    """Make all calls, some at once."""
    tally = Tally()
    left = iter(range(calls))

    async def work(reranker: CohereReranker) -> None:
        for _ in left:
            await call(reranker, tally)

    async with CohereReranker("m", base_url=url) as reranker, anyio.create_task_group() as group:
        for _ in range(PARALLEL):
            group.start_soon(work, reranker)
    return tally


def main() -> None:
    """Measure on both async libraries and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=CALLS)
    chosen = parser.parse_args()
    tables, bars, data = [], [], {}
    for backend in ("asyncio", "trio"):
        with serving("--fault-rate", str(RATE), "--latency", "0.002", "--seed", "7") as url:
            tally = anyio.run(partial(measure, url, chosen.calls), backend=backend)
            left, requests = settled(url, "open", 0), stats(url)["requests"]
        tables.append(table(backend, tally, requests))
        bars += judged(backend, tally, requests, left, chosen.calls)
        data[backend] = {
            "endings": dict(tally.endings),
            "attempts": tally.attempts,
            "requests": requests,
            "seconds_worst": max(tally.seconds),
            "load": os.getloadavg()[0],
        }
    text = f"{chosen.calls:,} calls, {PARALLEL} at once; {RATE:.0%} of the answers are 429, 500 or a reset connection; "
    text += f"at most {MAX_RETRIES} retries a call, {TIMEOUT_S:g} s in all.\n\n" + "\n\n".join(tables)
    write("remote_faults", "Remote calls under faults", text, data, bars=bars)


def table(backend: str, tally: Tally, requests: int) -> str:
    """Return how the calls ended, as Markdown."""
    rows: list[list[Any]] = [[f"{backend}: {name}", count] for name, count in sorted(tally.endings.items())]
    rows += [
        [f"{backend}: requests that the server saw", requests],
        [f"{backend}: median and worst call, ms", _times(tally.seconds)],
    ]
    return markdown_table(["", "calls"], rows)


def _times(seconds: list[float]) -> str:
    return f"{milliseconds(percentile(seconds, 0.5))}, {milliseconds(max(seconds))}"


def judged(backend: str, tally: Tally, requests: int, left: int, calls: int) -> list[Bar]:
    """Return the aims."""
    ended, worst = sum(tally.endings.values()), max(tally.seconds)
    return [
        Bar(
            f"{backend}: calls that ended in a result or a typed error",
            f"{calls}",
            f"{ended - tally.untyped}",
            ended == calls and tally.untyped == 0,
        ),
        Bar(
            f"{backend}: requests, as the policy allows",
            f"{tally.attempts}",
            f"{requests}",
            requests == tally.attempts and tally.over == 0,
        ),
        Bar(
            f"{backend}: worst call",
            f"≤ {TIMEOUT_S:g} s",
            f"{worst:.2f} s",
            worst <= TIMEOUT_S + GRACE_S,
        ),
        Bar(f"{backend}: connections left open", "0", f"{left}", left == 0),
    ]


if __name__ == "__main__":
    main()
