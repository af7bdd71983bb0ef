"""From the set abort event to the raised error, in a call on 1,000 documents: `python -m benchmarks.calls.abort_latency`.

The event is set from another thread at a random moment of the computation; both async backends are measured.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from statistics import median

import anyio

from benchmarks.common.own import Own, parser
from benchmarks.common.results import Bar, write
from benchmarks.common.statistics import percentile
from benchmarks.common.tables import markdown_table
from benchmarks.speed.workloads import DocumentSet
from localrank import RerankAbortedError, rerank
from localrank_transformers import OnnxReranker

DOCUMENTS = 1000
IDLE_WATCH_S = 0.2
LATEST_S = 0.6
"""The event is set in the first part of a call, so that a hundred runs take a minute."""
CHECK_SCORES_EVERY = 10


@dataclass(slots=True)
class Stops:
    """What the runs of one backend gave.

    Attributes:
        delays: Seconds from setting the event to the error in the caller's hands.
        idle: CPU seconds of this process a second, right after it.
        same_scores: Whether calls afterwards gave the scores of before.
    """

    delays: list[float] = field(default_factory=list[float])
    idle: list[float] = field(default_factory=list[float])
    same_scores: bool = True


def main() -> int:
    """Measure both backends."""
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=100)
    arguments = options.parse_args()
    own = Own(arguments)
    documents = own.documents("mixed", DOCUMENTS)
    found = {}
    for backend in ("asyncio", "trio"):
        model = own.model()
        found[backend] = anyio.run(partial(_measure, model, documents, arguments.runs), backend=backend)
        model.close()
    rows = [_row(backend, stops) for backend, stops in found.items()]
    head = ["ms", "p50", "p99", "max", "CPU afterwards", "same scores next", "runs"]
    bars = [_bar(backend, stops) for backend, stops in found.items()]
    write(
        "abort_latency",
        "Abort during inference",
        f"{own.text}; {DOCUMENTS:,} mixed documents.\n\n{markdown_table(head, rows)}",
        {backend: {"delays": stops.delays, "idle": stops.idle} for backend, stops in found.items()},
        folder=arguments.output,
        bars=bars,
    )
    return 0


def _row(backend: str, stops: Stops) -> list[str]:
    delays = [f"{value * 1000:.1f}" for value in _figures(stops)]
    same = "yes" if stops.same_scores else "NO"
    return [backend, *delays, f"{median(stops.idle):.1%} of a core", same, str(len(stops.delays))]


def _figures(stops: Stops) -> tuple[float, float, float]:
    return percentile(stops.delays, 0.5), percentile(stops.delays, 0.99), max(stops.delays)


def _bar(backend: str, stops: Stops) -> Bar:
    p99 = _figures(stops)[1]
    return Bar(
        f"{backend}: event set → raised, p99",
        "≤ 25 ms",
        f"{p99 * 1000:.1f} ms",
        p99 <= 0.025 and stops.same_scores,
    )


async def _measure(model: OnnxReranker, documents: DocumentSet, runs: int) -> Stops:
    stops, dice = Stops(), random.Random(7)  # noqa: S311 - sampling, no secret
    few = documents.documents[:20]
    before = [one.score for one in await rerank(model, documents.query, few)]
    started = time.perf_counter()
    await rerank(model, documents.query, documents.documents[:200])
    estimate = (time.perf_counter() - started) * DOCUMENTS / 200
    for run in range(runs):
        delay = await _one(model, documents, dice.uniform(0.02, min(LATEST_S, estimate / 3)))
        if delay is None:
            continue  # the run ended before the event was set
        stops.delays.append(delay)
        stops.idle.append(await _cpu_use())
        if run % CHECK_SCORES_EVERY == 0:
            after = [one.score for one in await rerank(model, documents.query, few)]
            stops.same_scores &= after == before
    return stops


async def _one(model: OnnxReranker, documents: DocumentSet, wait: float) -> float | None:
    event, moment = threading.Event(), [0.0]

    def set_event() -> None:
        moment[0] = time.perf_counter()
        event.set()

    timer = threading.Timer(wait, set_event)
    timer.start()
    try:
        await rerank(model, documents.query, documents.documents, abort_event=event)
    except RerankAbortedError:
        return time.perf_counter() - moment[0]
    finally:
        timer.cancel()
    return None


async def _cpu_use() -> float:
    cpu, started = time.process_time(), time.perf_counter()
    await anyio.sleep(IDLE_WATCH_S)
    return (time.process_time() - cpu) / (time.perf_counter() - started)


if __name__ == "__main__":
    raise SystemExit(main())
