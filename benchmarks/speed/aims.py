"""What the figures are held against: our own aims for speed, and the latencies that flashrank-js publishes."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.common.results import Bar
from benchmarks.common.statistics import median_ratio
from benchmarks.common.tables import markdown_table, milliseconds
from benchmarks.speed.measurements import ModelResult, WorkloadResult
from benchmarks.speed.report_tables import fastest_peer, multiple_of_limit
from benchmarks.speed.systems import EMBEDDED, OWN_FP32, OWN_INT8

__all__ = ["bars", "published_table"]

MINI, TINY = "6×384", "2×128"

_PUBLISHED: dict[str, tuple[tuple[float, ...], float]] = {TINY: ((3, 6, 10), 190), MINI: ((37, 68, 97), 260)}
"""flashrank-js's README, ms: 5, 10 and 20 documents of its "tiny" (2 × 128) and "mini" model; then the load. Hardware and
lengths of its documents are not given there."""


def bars(model: ModelResult) -> list[Bar]:
    """Return the aims that hold for a model of this shape."""
    return [bar for workload in model.workloads for bar in _bars(model, workload)]


def _bars(model: ModelResult, workload: WorkloadResult) -> Iterator[Bar]:
    at_mixed_20 = (workload.kind, workload.size) == ("mixed", 20)
    if model.shape == MINI:
        yield _ratio_bar(model, workload, OWN_INT8, 4.5 if at_mixed_20 else 2.5)
        if workload.size >= 20:
            yield _ratio_bar(model, workload, OWN_FP32, 1.5 if workload.kind == "short" else 2.5)
        if (workload.kind, workload.size) == ("short", 20):
            yield _ratio_bar(model, workload, EMBEDDED, 2.8)
        if (workload.kind, workload.size) == ("mixed", 100):
            yield _limit_bar(model, workload)
        if workload.size == 100:
            yield _refined_bar(workload)
    elif at_mixed_20:
        yield _ratio_bar(model, workload, OWN_INT8, 2.0)


def _ratio_bar(model: ModelResult, workload: WorkloadResult, own: str, aim: float) -> Bar:
    exact = own == OWN_FP32
    peer, ours = fastest_peer(workload, exact=exact), workload.systems.get(own)
    ratio = median_ratio(workload.systems[peer].seconds, ours.seconds) if peer and ours else None
    which = {OWN_FP32: "fp32", OWN_INT8: "int8"}.get(own, own)
    name = f"{which}, {workload.label}, fastest {'fp32 ' if exact else ''}peer ÷ ours"
    measured = "–" if ratio is None else f"{ratio:.2f}{' (disturbed)' if workload.contaminated else ''}"
    at_best = multiple_of_limit(model, workload, peer, exact=True) if exact and peer else None
    if at_best is not None and at_best < aim:
        measured += f", of {at_best:.2f} that float32 products allow"
    return Bar(name, f"≥ {aim}", measured, None if ratio is None else ratio >= aim)


def _refined_bar(workload: WorkloadResult) -> Bar:
    exact, refined = workload.systems.get(OWN_FP32), workload.systems.get("localrank-refined")
    ratio = median_ratio(exact.seconds, refined.seconds) if exact and refined else None
    measured = "–" if ratio is None else f"{ratio:.2f}{' (disturbed)' if workload.contaminated else ''}"
    return Bar(
        f"refined, {workload.label}, our fp32 ÷ it",
        "≥ 1.7",
        measured,
        None if ratio is None else ratio >= 1.7,
    )


def _limit_bar(model: ModelResult, workload: WorkloadResult) -> Bar:
    multiple = multiple_of_limit(model, workload, OWN_INT8)
    measured = "–" if multiple is None else f"{multiple:.2f}{' (disturbed)' if workload.contaminated else ''}"
    return Bar(
        f"int8, {workload.label}, multiple of the int8 limit",
        "≤ 1.8",
        measured,
        None if multiple is None else multiple <= 1.8,
    )


def published_table(model: ModelResult) -> str | None:
    """Return flashrank-js's published latencies beside ours, for the shapes that it has."""
    if model.shape not in _PUBLISHED:
        return None
    latencies, load = _PUBLISHED[model.shape]
    rows = [["flashrank-js, published", *(f"{value:.0f}" for value in latencies), f"{load:.0f}"]]
    for kind in ("short", "mixed"):
        found = {
            one.size: one.systems[OWN_INT8].median
            for one in model.workloads
            if one.kind == kind and OWN_INT8 in one.systems
        }
        cold = model.cold.get(OWN_INT8)
        cells = [milliseconds(found.get(size)) for size in (5, 10, 20)]
        again = milliseconds(median(cold.again) if cold and cold.again else None)
        rows.append([f"**localrank int8**, {kind}", *cells, again])
    return markdown_table(["ms", "5", "10", "20", "load"], rows)
