"""Machines, waiting and money for a load: `python -m benchmarks.scale --data DATA`.

What one core takes is measured here, for int8, float32 and documents that are known. A simulation (`simulation.py`) makes
clusters of it. It is checked against Ray on this machine: the same lists, at the same times, through one and two actors or
replicas.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import islice
from statistics import median

from benchmarks.common.own import Own, parser
from benchmarks.common.results import Bar, write
from benchmarks.common.statistics import percentile
from benchmarks.common.tables import markdown_table
from benchmarks.scale.calibration import KINDS, measured
from benchmarks.scale.simulation import (
    Cost,
    Shape,
    arrivals,
    batch_seconds,
    latencies,
    machines_needed,
)
from localrank.providers.cores import usable_cores

PAIRS_A_DAY = (1_000_000, 100_000_000, 10_000_000_000)
DAY_S = 86_400
NIGHT_S = 8 * 3_600
PART_DOCUMENTS = 20_000
"""Of a part of a batch, as `localrank batch` has it."""

CHECKED = Shape(median=16, sigma=0.8, most=100)
"""Lists of the check: short, so that a minute holds a hundred."""

CHECK_LOAD = 0.55
WITHIN = 0.2


def main() -> int:
    """Measure, check, simulate and write the page."""
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=10.0, help="for each figure of one core")
    options.add_argument("--check-seconds", type=float, default=45.0, help="of requests, for each check")
    options.add_argument("--cores", type=int, default=8, help="of a machine of the cluster")
    options.add_argument("--price", type=float, default=0.05, help="dollars of a core and hour")
    options.add_argument("--p99", type=float, default=1.0, help="seconds that 99 of 100 requests may take")
    arguments = options.parse_args()
    cores = usable_cores()
    alone = {1: measured("int8", arguments.data, 1, arguments.seconds)}
    kinds = KINDS if arguments.model else KINDS[:-1]
    busy = {
        kind: measured(
            kind, arguments.data, cores, arguments.seconds, arguments.model if kind == "float32" else None
        )
        for kind in kinds
    }
    bars, added_s = _checked(arguments, {**alone, cores: busy["int8"]})
    shapes = {"Poisson": Shape(), "bursts": Shape(burst=4)}
    tables = [
        _assumptions(arguments, busy, alone[1], added_s),
        _batch_table(arguments, busy),
        _online_table(arguments, busy, shapes, added_s),
    ]
    write(
        "scale",
        "What a cluster takes",
        "\n\n".join(tables),
        {"costs": {kind: asdict(cost) for kind, cost in busy.items()}, "alone": asdict(alone[1])},
        folder=arguments.output,
        bars=bars,
    )
    return 0 if all(bar.met for bar in bars) else 1


def _checked(arguments: argparse.Namespace, costs: dict[int, Cost]) -> tuple[list[Bar], float]:
    """Return what was predicted against what Ray does here, and what a request takes besides computing."""
    from benchmarks.scale.real import Lists, batch, on_ray, online  # noqa: PLC0415  # simulated without Ray too

    own = Own(arguments)
    bars, added = [], []
    for count, cost in costs.items():
        mean = cost.of(CHECKED.mean_documents * CHECKED.tokens)
        number = int(count * arguments.check_seconds / mean)
        lists = Lists(own, CHECKED, number)
        works = lists.works(cost)
        with on_ray(usable_cores()):
            start_s, _ = batch(Lists(own, CHECKED, 1), count, 1)
            taken, rows = batch(lists, count, 64)
            expected = batch_seconds(list(_sums(works, rows)), count, 1, start_s=start_s)
            bars.append(_bar(f"{count} actors, {lists.documents:,} documents: seconds", expected, taken))
            rate = CHECK_LOAD * count / (sum(works) / len(works))
            times = arrivals(CHECKED, rate, 10 * arguments.check_seconds, cost, seed=3)
            until = [one for one in times if one.at < arguments.check_seconds]
            requests = [replace(one, work=work) for one, work in zip(until, works, strict=False)]
            real, way_s = online(lists, requests, count)
        added.append(way_s)
        shown = latencies(requests, count, 1, added_s=way_s)
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            text = f"{count} replicas, {len(requests)} requests: {name}, s"
            bars.append(_bar(text, percentile(shown, share), percentile(real, share)))
    return bars, median(added)


def _bar(name: str, expected: float, taken: float) -> Bar:
    ratio = expected / taken
    return Bar(
        name,
        f"{expected:.2f} predicted, within {WITHIN:.0%}",
        f"{taken:.2f} ({ratio:.2f})",
        1 - WITHIN <= ratio <= 1 + WITHIN,
    )


def _sums(works: list[float], rows: list[int]) -> Iterator[float]:
    left = iter(works)
    for some in rows:
        yield sum(islice(left, some))


def _assumptions(arguments: argparse.Namespace, busy: dict[str, Cost], alone: Cost, added_s: float) -> str:
    shape, bursts = Shape(), Shape(burst=4)
    rows: list[list[object]] = [
        [
            "a list",
            f"log-normal, median {shape.median:g} documents, σ {shape.sigma:g}, at most {shape.most:,}",
        ],
        ["a document", f"{shape.tokens:g} tokens"],
        [
            "arrivals",
            f"Poisson; or bursts: {bursts.burst:g} × the mean rate for {bursts.burst_s:g} of every "
            f"{bursts.burst_s / bursts.burst_share:g} s",
        ],
        ["a machine", f"{arguments.cores} cores like those measured here, all busy"],
        ["a core and hour", f"${arguments.price:g}"],
        [
            "online",
            f"fewest machines with p99 ≤ {arguments.p99:g} s, or 1.5 times that of idle ones where it is more; "
            "a request goes to the emptier of two replicas; its cores serve the shortest, and a quarter the oldest",
        ],
        [
            "besides computing",
            f"{added_s * 1_000:.1f} ms a request, measured through Ray Serve on one machine",
        ],
        ["batch", f"parts of {PART_DOCUMENTS:,} documents, 8 hours; no machine fails"],
        ["not counted", "network between machines, storage, start of machines, a proxy's cores"],
    ]
    rows += [
        [
            f"one core, {kind}",
            f"{cost.list_s * 1_000:.2f} ms a query + {cost.token_s * 1e6:.2f} µs a token: "
            f"{_tokens_a_second(cost):,.0f} tokens/s",
        ]
        for kind, cost in [*busy.items(), ("int8, the other core idle", alone)]
    ]
    return "What was assumed and measured:\n\n" + markdown_table(["what", "how much"], rows, left=2)


def _tokens_a_second(cost: Cost) -> float:
    tokens = Shape().median * Shape().tokens
    return tokens / cost.of(tokens)


def _batch_table(arguments: argparse.Namespace, busy: dict[str, Cost]) -> str:
    shape = Shape()
    rows = []
    for pairs in PAIRS_A_DAY:
        for kind, cost in busy.items():
            whole = pairs / shape.mean_documents * cost.of(shape.mean_documents * shape.tokens)
            parts = [whole * PART_DOCUMENTS / pairs] * max(1, pairs // PART_DOCUMENTS)
            machines = max(1, -(-int(whole) // int(arguments.cores * NIGHT_S)))
            hours = batch_seconds(parts, machines * arguments.cores, 1) / 3_600
            while hours > NIGHT_S / 3_600:
                machines += 1
                hours = batch_seconds(parts, machines * arguments.cores, 1) / 3_600
            dollars = whole / 3_600 * arguments.price
            rows.append([f"{pairs:,}", kind, f"{machines:,}", f"{hours:.2f}", f"{dollars:,.2f}"])
    head = ["pairs a day, in one night", "kind", "machines", "hours", "$ for the cores' time"]
    return "Batch, an actor a core:\n\n" + markdown_table(head, rows, left=2)


def _online_table(
    arguments: argparse.Namespace, busy: dict[str, Cost], shapes: dict[str, Shape], added_s: float
) -> str:
    rows = []
    for pairs in PAIRS_A_DAY:
        for kind, cost in busy.items():
            for name, shape in shapes.items():
                rate = pairs / DAY_S / shape.mean_documents
                machines, p50, p99, load = machines_needed(
                    shape, rate, cost, arguments.cores, p99_s=arguments.p99, added_s=added_s
                )
                dollars = machines * arguments.cores * 24 * arguments.price
                figures = [f"{machines:,}", f"{p50 * 1_000:,.0f}", f"{p99 * 1_000:,.0f}", f"{load:.0%}"]
                rows.append([f"{pairs:,}", kind, name, *figures, f"{dollars:,.0f}"])
    head = ["pairs a day", "kind", "arrivals", "machines", "p50 ms", "p99 ms", "busy", "$ a day"]
    return "Online, a replica a machine:\n\n" + markdown_table(head, rows, left=3)


if __name__ == "__main__":
    sys.exit(main())
