"""`deadline=0.1` over 1,000 documents: how late it returns and how many were scored: `python -m benchmarks.calls.deadline`."""

from __future__ import annotations

import time
from functools import partial
from statistics import median

import anyio

from benchmarks.common.own import Own, parser
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table
from benchmarks.speed.workloads import DocumentSet
from localrank import RerankResult, rerank
from localrank_transformers import OnnxReranker

DOCUMENTS = 1000
DEADLINE_S = 0.1
RETURNS_WITHIN_S = 0.15


def main() -> int:
    """Measure both backends."""
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=20)
    arguments = options.parse_args()
    own = Own(arguments)
    documents = own.documents("mixed", DOCUMENTS)
    rows, bars, data = [], [], {}
    for backend in ("asyncio", "trio"):
        model = own.model()
        work = partial(_measure, model, documents, arguments.runs)
        seconds, scored, sound = anyio.run(work, backend=backend)
        model.close()
        rows.append(
            [backend, *(f"{figure(seconds) * 1000:.0f}" for figure in (median, max)), f"{median(scored):.0f}"]
        )
        met = max(seconds) <= RETURNS_WITHIN_S and sound
        aim = f"≤ {RETURNS_WITHIN_S * 1000:.0f} ms, all {DOCUMENTS:,} in the result, scored first"
        measured = f"{max(seconds) * 1000:.0f} ms, {'sound' if sound else 'NOT sound'}"
        bars.append(Bar(f"{backend}: slowest of {len(seconds)}", aim, measured, met))
        data[backend] = {"seconds": seconds, "scored": scored, "sound": sound}
    head = ["deadline of 100 ms", "median ms", "max ms", "scored (median)"]
    write(
        "deadline",
        "The best ranking at a deadline",
        f"{own.text}; {DOCUMENTS:,} mixed documents.\n\n{markdown_table(head, rows)}",
        data,
        folder=arguments.output,
        bars=bars,
    )
    return 0


async def _measure(
    model: OnnxReranker, documents: DocumentSet, runs: int
) -> tuple[list[float], list[int], bool]:
    await rerank(model, documents.query, documents.documents[:20])
    seconds, scored, sound = [], [], True
    for _ in range(runs):
        started = time.perf_counter()
        result = await rerank(model, documents.query, documents.documents, deadline=DEADLINE_S)
        seconds.append(time.perf_counter() - started)
        marks = _marks(result)
        scored.append(sum(marks))
        complete = sorted(one.index for one in result) == list(range(DOCUMENTS))
        sound &= complete and marks == sorted(marks, reverse=True)
    return seconds, scored, sound


def _marks(result: RerankResult[str]) -> list[bool]:
    return [one.metadata.get("scored", True) is not False for one in result]


if __name__ == "__main__":
    raise SystemExit(main())
