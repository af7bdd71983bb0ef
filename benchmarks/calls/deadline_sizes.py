"""How late a deadline and a timeout end very long lists, and what is scored: `python -m benchmarks.calls.deadline_sizes`.

`localrank-tiny`; each kind of document at each size, `top_k=10` and all, beside a task that notes how long the event
loop stood still.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import anyio

from benchmarks.common.own import parser
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table
from localrank import RerankTimeoutError, rerank
from localrank_transformers import OnnxReranker

SIZES = (20_000, 200_000, 1_000_000)
LIMIT_S = 1.0
LATE_AT_MOST_S, LATE_A_MILLION_S = 0.05, 0.25


@dataclass(frozen=True, slots=True)
class Run:
    """One call: seconds after its limit, the longest stand-still of the loop, and how many of the first ten were scored."""

    kind: str
    documents: int
    ends_by: str
    late_s: float
    stood_still_s: float
    scored: int | None


def main() -> int:
    """Measure each size."""
    options = parser(__doc__, needs_data=False)
    options.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    arguments = options.parse_args()
    runs = anyio.run(_runs, arguments.sizes)
    rows = [
        [
            run.kind,
            f"{run.documents:,}",
            run.ends_by,
            f"{run.late_s * 1000:+.0f}",
            f"{run.stood_still_s * 1000:.0f}",
            "" if run.scored is None else str(run.scored),
        ]
        for run in runs
    ]
    bars = [_bar(size, [run for run in runs if run.documents == size]) for size in arguments.sizes]
    head = [
        "documents are",
        "how many",
        "ends by",
        "late ms",
        "loop stood still ms",
        "scored of the first 10",
    ]
    text = f"`localrank-tiny`; a limit of {LIMIT_S:g} s.\n\n{markdown_table(head, rows)}"
    write(
        "deadline_sizes",
        "Limits on time over very long lists",
        text,
        {"runs": [asdict(run) for run in runs]},
        folder=arguments.output,
        bars=bars,
    )
    return 0


def _bar(size: int, runs: list[Run]) -> Bar:
    most = LATE_AT_MOST_S + LATE_A_MILLION_S * size / 1_000_000
    latest = max(run.late_s for run in runs)
    is_scored = all(run.scored is None or run.scored for run in runs)
    measured = f"{latest * 1000:.0f} ms, {'scored' if is_scored else 'NOT scored'}"
    return Bar(
        f"{size:,} documents: the latest",
        f"≤ {most * 1000:.0f} ms, scored",
        measured,
        latest <= most and is_scored,
    )


async def _runs(sizes: list[int]) -> list[Run]:
    model = OnnxReranker("localrank-tiny")
    await model.warm_up()
    found = []
    for size in sizes:
        texts = [f"Passage number {number} about things" for number in range(size)]
        kinds: dict[str, tuple[list[Any], Any]] = {
            "strings": (texts, None),
            "mappings": ([{"text": text} for text in texts], None),
            "read by a function": ([(text,) for text in texts], lambda document: document[0]),
            "one text": ([texts[0]] * size, None),
        }
        for kind, (documents, text) in kinds.items():
            limits: list[dict[str, Any]] = [
                {"top_k": 10, "deadline": LIMIT_S},
                {"top_k": None, "deadline": LIMIT_S},
                {"timeout": LIMIT_S},
            ]
            found += [await _run(model, kind, documents, text=text, **limit) for limit in limits]
    return found


async def _run(model: OnnxReranker, kind: str, documents: list[Any], **settings: Any) -> Run:
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await anyio.sleep(0.001)
            longest = max(longest, time.perf_counter() - began)

    scored: int | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(beat)
        await anyio.sleep(0.01)
        longest = 0.0
        started = time.perf_counter()
        try:
            result = await rerank(model, "What is RAG?", documents, **settings)
            took = time.perf_counter() - started
            scored = sum(one.metadata.get("scored", True) for one in result[:10])
        except RerankTimeoutError:
            took = time.perf_counter() - started
        group.cancel_scope.cancel()
    ends_by = "timeout" if "timeout" in settings else f"deadline, top_k={settings['top_k']}"
    return Run(kind, len(documents), ends_by, took - LIMIT_S, longest, scored)


if __name__ == "__main__":
    raise SystemExit(main())
