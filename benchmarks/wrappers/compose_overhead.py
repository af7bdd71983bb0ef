"""What each wrapper costs on top of the models inside it, and how much faster a full cache hit is than the embedded model.

    python -m benchmarks.wrappers.compose_overhead

The inner model gives scores without computing anything, so the time of a wrapped call, less that of its inner calls, is the
wrapper's own. It is CPU time of this process, so that other processes do not count; the cache is timed by the wall clock.
Documents are 60 characters long, `top_k` is None, one call runs at a time on asyncio. The bar of a wrapper is 0.2 ms a call
plus 2 µs a document.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import anyio

from benchmarks.common.machine import CpuWatch
from benchmarks.common.options import script_parser
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table, times
from localrank import (
    Batched,
    Cached,
    Calibrated,
    Cascade,
    Chunked,
    Diversified,
    DoRerankOptions,
    DoRerankResult,
    Fallback,
    Fused,
    Limited,
    RerankerModel,
    Retrieved,
    ScoredIndex,
    SQLiteStore,
    wrapped,
)
from localrank.compose.single.calibration import fit_calibration
from localrank.providers.calls import call_model

COUNTS = (10, 100, 1000)
REPEATS, ROUNDS = 20, 5
BAR_MS, BAR_US_A_DOCUMENT = 0.2, 2.0
CACHE_BAR = 50


class Instant:
    """Gives scores without computing anything."""

    model_id = "instant"
    provider = "benchmark"

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Score by position."""
        return DoRerankResult([ScoredIndex(i, 1 / (2 + i % 97)) for i in range(len(options.documents))])


@dataclass(frozen=True, slots=True)
class Row:
    """The overhead of one wrapper at one size."""

    wrapper: str
    documents: int
    overhead_ms: float
    bar_ms: float
    within: bool


def wrappers() -> Mapping[str, tuple[RerankerModel, Callable[[int], list[int]]]]:
    """Return each wrapper with the sizes of the inner calls that it makes for a number of documents."""
    calibration = fit_calibration([0.1, 0.2, 0.3, 0.4], [False, True, False, True])
    one: Callable[[int], list[int]] = lambda count: [count]  # noqa: E731
    two: Callable[[int], list[int]] = lambda count: [count, count]  # noqa: E731
    return {
        "Cascade(keep=20)": (Cascade(Instant(), Instant(), keep=20), lambda count: [count, min(20, count)]),
        "Fallback": (Fallback(Instant(), Instant()), one),
        "Fused(rrf)": (Fused([Instant(), Instant()]), two),
        "Fused(weighted, z, Retrieved)": (
            Fused([Instant(), Retrieved()], method="weighted", normalize="z"),
            two,
        ),
        "Cached(memory), all hits": (Cached(Instant()), lambda _: []),
        "Chunked": (Chunked(Instant()), one),
        "Calibrated": (Calibrated(Instant(), calibration), one),
        "Limited(concurrency=4)": (Limited(Instant(), concurrency=4), one),
        "Batched(max_documents=50)": (
            Batched(Instant(), max_documents=50),
            lambda count: [50] * (count // 50) or [count],
        ),
        "Diversified(candidates=40)": (Diversified(Instant()), one),
        "wrapped": (wrapped(Instant(), transform_options=lambda options: options), one),
    }


def options_of(count: int) -> DoRerankOptions:
    """Return a request for `count` documents of 60 characters."""
    documents = tuple(
        f"Document {i:05d} speaks of rivers, bridges and the sea at dawn."[:60] for i in range(count)
    )
    return DoRerankOptions("rivers", documents, first_stage_scores=tuple(float(-i) for i in range(count)))


async def median_ms(
    call: Callable[[], Awaitable[object]],
    repeats: int = REPEATS,
    clock: Callable[[], float] = time.process_time,
) -> float:
    """Return the lowest of some medians of the time of one call by `clock`, in milliseconds."""
    await call()
    medians: list[float] = []
    for _ in range(ROUNDS):
        times: list[float] = []
        for _ in range(repeats):
            started = clock()
            await call()
            times.append((clock() - started) * 1000)
        medians.append(statistics.median(times))
    return min(medians)


async def overheads() -> list[Row]:
    """Measure every wrapper at every size."""
    rows: list[Row] = []
    for count in COUNTS:
        options = options_of(count)
        bare: dict[int, float] = {}
        for name, (model, inner_sizes) in wrappers().items():
            inner = 0.0
            for size in inner_sizes(count):
                if size not in bare:
                    asked = options_of(size)
                    bare[size] = await median_ms(lambda asked=asked: call_model(Instant(), asked))
                inner += bare[size]
            whole = await median_ms(lambda model=model, options=options: call_model(model, options))
            bar = BAR_MS + BAR_US_A_DOCUMENT * count / 1000
            overhead = max(0.0, whole - inner)
            rows.append(Row(name, count, round(overhead, 4), round(bar, 3), overhead <= bar))
    return rows


async def cache_speed() -> dict[str, float]:
    """Return the times of 100 documents of 500 characters: the embedded model, and full hits in memory and on disk."""
    from localrank_transformers import OnnxReranker  # noqa: PLC0415

    text = "The river runs past the old mill, under two bridges and on to the sea. "
    documents = tuple(f"{i} {text * 7}"[:500] for i in range(100))
    options = DoRerankOptions("Where does the river run?", documents)
    model = OnnxReranker()
    await model.warm_up()
    with tempfile.TemporaryDirectory() as folder:
        memory, disk = Cached(model), Cached(model, SQLiteStore(Path(folder) / "scores.sqlite"))
        result = {
            "embedded_ms": await median_ms(
                lambda: call_model(model, options), repeats=5, clock=time.perf_counter
            ),
            "memory_hit_ms": await median_ms(lambda: call_model(memory, options), clock=time.perf_counter),
            "sqlite_hit_ms": await median_ms(lambda: call_model(disk, options), clock=time.perf_counter),
        }
        disk.store.close()
    await model.aclose()
    return {name: round(value, 3) for name, value in result.items()}


def main() -> None:
    """Measure and write."""
    script_parser(__doc__).parse_args()
    watch = CpuWatch()
    rows, speed = anyio.run(overheads), anyio.run(cache_speed)
    overhead = markdown_table(
        ["wrapper", "documents", "overhead, ms", "bar, ms", "within"],
        [
            [
                row.wrapper,
                row.documents,
                f"{row.overhead_ms:.3f}",
                f"{row.bar_ms:.2f}",
                "yes" if row.within else "NO",
            ]
            for row in rows
        ],
    )
    cache = markdown_table(
        ["100 documents of 500 characters", "ms", "times as fast"],
        [[name, f"{value:.3f}", times(speed["embedded_ms"] / value)] for name, value in speed.items()],
    )
    faster = speed["embedded_ms"] / speed["memory_hit_ms"]
    worst = max(row.overhead_ms / row.bar_ms for row in rows)
    bars = [
        Bar(
            "overhead of a wrapper",
            f"≤ {BAR_MS} ms + {BAR_US_A_DOCUMENT:g} µs a document",
            f"at most {worst:.0%} of it",
            all(row.within for row in rows),
        ),
        Bar(
            "full cache hit in memory",
            f"≥ {CACHE_BAR}× the embedded model",
            times(faster),
            faster >= CACHE_BAR,
        ),
    ]
    others = watch.others()
    write(
        "compose_overhead",
        "Overhead of the wrappers",
        f"CPU time, the lowest of {ROUNDS} medians of {REPEATS} calls. Other processes took {others:.0%} of the CPU."
        f"\n\n{overhead}\n\n{cache}",
        {"rows": [asdict(row) for row in rows], "cache": speed, "others": round(others, 3)},
        bars=bars,
    )


if __name__ == "__main__":
    main()
