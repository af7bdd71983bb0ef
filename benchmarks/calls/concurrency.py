"""Many callers at once: whole time, event-loop lag, a short call beside a long one: `python -m benchmarks.calls.concurrency`.

An event loop is also late when the system gives its thread no core. So the lag is measured beside other processes that keep
every core busy as well, in a loop that does nothing else: what is not more than that is not of our making.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median

import anyio

from benchmarks.common.own import Own, parser
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table
from benchmarks.speed.workloads import DocumentSet
from localrank import rerank
from localrank.providers.cores import usable_cores
from localrank_transformers import OnnxReranker

CALLERS = 8
DOCUMENTS = 10
HEARTBEAT_S = 0.001
LONG_AHEAD_S = 0.2
BUSY_S = 5.0


@dataclass(frozen=True, slots=True)
class Round:
    """One repetition, in seconds.

    Attributes:
        in_a_row: Eight calls one after another.
        at_once: The same eight calls at once.
        lag: Longest time that the event loop was late meanwhile.
        short_alone: A 5-document call alone.
        short_beside: The same while a 1,000-document call runs.
        lag_beside: Longest lag during that.
    """

    in_a_row: float
    at_once: float
    lag: float
    short_alone: float
    short_beside: float
    lag_beside: float


def main() -> int:
    """Measure both backends."""
    options = parser(__doc__)
    options.add_argument("--repetitions", type=int, default=9)
    arguments = options.parse_args()
    own = Own(arguments)
    eight = [own.documents("mixed", DOCUMENTS, number) for number in range(CALLERS)]
    short, long = own.documents("mixed", 5), own.documents("mixed", 1000)
    rows, bars, data = [], [], {}
    for backend in ("asyncio", "trio"):
        model = own.model()
        work = partial(_measure, model, eight, short, long, arguments.repetitions)
        rounds = anyio.run(work, backend=backend)
        model.close()
        busy = anyio.run(_lag_beside_busy_processes, backend=backend)
        rows.append([backend, *(f"{value * 1000:.1f}" for value in (*_medians(rounds), busy))])
        bars += _bars(backend, rounds)
        data[backend] = {"rounds": [asdict(one) for one in rounds], "lag_beside_busy_processes": busy}
    head = [
        "median ms",
        "8 in a row",
        "8 at once",
        "lag",
        "5 alone",
        "5 beside 1,000",
        "lag then",
        "longest lag of a loop beside busy processes",
    ]
    write(
        "concurrency",
        "Many callers at once",
        f"{own.text}; calls of {DOCUMENTS} mixed documents.\n\n{markdown_table(head, rows)}",
        data,
        folder=arguments.output,
        bars=bars,
    )
    return 0


def _medians(rounds: list[Round]) -> list[float]:
    return [median(values) for values in zip(*(asdict(one).values() for one in rounds), strict=True)]


def _bars(backend: str, rounds: list[Round]) -> list[Bar]:
    total = median(one.at_once / one.in_a_row for one in rounds)
    beside = median(one.short_beside / one.short_alone for one in rounds)
    lag = max(max(one.lag, one.lag_beside) for one in rounds)
    return [
        Bar(f"{backend}: 8 at once ÷ 8 in a row", "≤ 1.25", f"{total:.2f}", total <= 1.25),
        Bar(f"{backend}: event loop never late by more than", "≤ 20 ms", f"{lag * 1000:.1f} ms", lag <= 0.02),
        Bar(f"{backend}: 5 documents beside 1,000 ÷ alone", "≤ 6", f"{beside:.2f}", beside <= 6),
    ]


async def _measure(
    model: OnnxReranker, eight: list[DocumentSet], short: DocumentSet, long: DocumentSet, repetitions: int
) -> list[Round]:
    await _call(model, eight[0])
    rounds = []
    for _ in range(repetitions):
        started = time.perf_counter()
        for one in eight:
            await _call(model, one)
        in_a_row = time.perf_counter() - started
        async with _heartbeat() as lags:
            started = time.perf_counter()
            async with anyio.create_task_group() as tasks:
                for one in eight:
                    tasks.start_soon(_call, model, one)
            at_once = time.perf_counter() - started
        alone = await _call(model, short)
        async with _heartbeat() as lags_beside, anyio.create_task_group() as tasks:
            tasks.start_soon(_call, model, long)
            await anyio.sleep(LONG_AHEAD_S)
            beside = await _call(model, short)
            tasks.cancel_scope.cancel()
        rounds.append(Round(in_a_row, at_once, max(lags), alone, beside, max(lags_beside)))
    return rounds


async def _lag_beside_busy_processes() -> float:
    """Return the longest lag of a loop with nothing to do, for as long as a measurement lasts."""
    with _busy_cores():
        async with _heartbeat() as lags:
            await anyio.sleep(BUSY_S)
    return max(lags)


@contextmanager
def _busy_cores() -> Iterator[None]:
    command = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in range(usable_cores())]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


async def _call(model: OnnxReranker, documents: DocumentSet) -> float:
    started = time.perf_counter()
    await rerank(model, documents.query, documents.documents)
    return time.perf_counter() - started


@asynccontextmanager
async def _heartbeat() -> AsyncIterator[list[float]]:
    """Collect how late the event loop wakes a task that sleeps a millisecond."""
    lags = [0.0]

    async def beat() -> None:
        while True:
            started = time.perf_counter()
            await anyio.sleep(HEARTBEAT_S)
            lags.append(time.perf_counter() - started - HEARTBEAT_S)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(beat)
        yield lags
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    raise SystemExit(main())
