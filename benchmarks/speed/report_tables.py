"""The tables of one model's results, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.common.statistics import median_ratio
from benchmarks.common.tables import bytes_text, markdown_table, milliseconds, times
from benchmarks.speed.limit import Peaks, Work, limit_seconds
from benchmarks.speed.measurements import ModelResult, WorkloadResult
from benchmarks.speed.systems import EMBEDDED, OWN_FP32, OWN_INT8, REFERENCE, SYSTEMS

__all__ = [
    "agreement_table",
    "cold_table",
    "failures_list",
    "fastest_peer",
    "latency_table",
    "limit_table",
    "memory_table",
    "multiple_of_limit",
    "peaks_table",
    "peers_table",
]

MARK = "\\*"


def latency_table(model: ModelResult, kind: str) -> str:
    """Median milliseconds of each system and how many times as fast as the reference it is in the same repetition."""
    workloads = [one for one in model.workloads if one.kind == kind]
    rows = [[_title(name), *(_latency(one, name) for one in workloads)] for name in _names(workloads)]
    rows.append(["CPU taken by others", *(_others(one) for one in workloads)])
    return markdown_table(["ms", *(_head(one) for one in workloads)], rows)


def _latency(workload: WorkloadResult, name: str) -> str:
    system, reference = workload.systems.get(name), workload.systems.get(REFERENCE)
    if system is None or system.median is None:
        return "–"
    ratio = median_ratio(reference.seconds, system.seconds) if reference and name != REFERENCE else None
    note = " (stopped later)" if system.failure else ""
    return milliseconds(system.median) + (f" ({times(ratio)})" if ratio else "") + note


def _others(workload: WorkloadResult) -> str:
    return f"{median(workload.others) * 100:.1f} %" if workload.others else "–"


def _head(workload: WorkloadResult) -> str:
    return f"{workload.size:,}{MARK if workload.contaminated else ''}"


def fastest_peer(workload: WorkloadResult, *, exact: bool) -> str | None:
    """Return the peer with the lowest median, among the float32 ones if `exact`."""
    medians = {
        name: system.median
        for name, system in workload.systems.items()
        if system.median is not None and not SYSTEMS[name].is_own and (SYSTEMS[name].exact or not exact)
    }
    return min(medians, key=medians.__getitem__) if medians else None


def peers_table(model: ModelResult) -> str:
    """Ours against the fastest peer of each workload: int8 against any precision, float32 against float32."""
    rows = []
    for workload in model.workloads:
        cells = [f"{workload.label}{MARK if workload.contaminated else ''}"]
        for own, exact in ((OWN_INT8, False), (OWN_FP32, True)):
            peer = fastest_peer(workload, exact=exact)
            ours = workload.systems.get(own)
            if peer is None or ours is None:
                cells += ["–", "–"]
                continue
            cells += [times(median_ratio(workload.systems[peer].seconds, ours.seconds)), _title(peer)]
        rows.append(cells)
    head = ["", "int8 against the fastest peer", "which is", "fp32 against the fastest fp32 peer", "which is"]
    return markdown_table(head, rows)


def multiple_of_limit(
    model: ModelResult, workload: WorkloadResult, name: str, *, exact: bool = False
) -> float | None:
    """Return the median multiple of the least possible time in int8, or in float32 if `exact`, that a system took."""
    system = workload.systems.get(name)
    return median_ratio(system.seconds, _limits(model, workload, exact=exact)) if system else None


def _limits(model: ModelResult, workload: WorkloadResult, *, exact: bool) -> list[float | None]:
    peaks = Peaks(model.peaks)
    works = [Work(*one) for one in zip(workload.products, workload.attention, strict=True)]
    return [limit_seconds(work, peaks.fp32 if exact else peaks.int8, peaks.fp32) for work in works]


def limit_table(model: ModelResult, *, exact: bool) -> str:
    """Each system's multiple of the int8 limit, or each float32 system's of the float32 limit."""
    workloads = model.workloads
    head = [
        f"multiple of the {'float32' if exact else 'int8'} limit",
        *(f"{one.label}{MARK if one.contaminated else ''}" for one in workloads),
    ]
    known = [[limit for limit in _limits(model, one, exact=exact) if limit is not None] for one in workloads]
    rows = [["the limit, ms", *(milliseconds(median(limits) if limits else None) for limits in known)]]
    rows += [
        [_title(name), *(times(multiple_of_limit(model, one, name, exact=exact)) for one in workloads)]
        for name in _names(workloads)
        if (SYSTEMS[name].exact or not exact)
        and name != EMBEDDED  # which computes less than these pairs take
    ]
    return markdown_table(head, rows)


def peaks_table(model: ModelResult) -> str:
    """The speed of matrix products, GFLOP/s."""
    return markdown_table(
        ["products of one layer on all cores", "GFLOP/s"],
        [
            [kind, f"{speed:,.0f}" if isinstance(speed, float) else speed]
            for kind, speed in model.peaks.items()
        ],
    )


def memory_table(model: ModelResult) -> str:
    """Highest resident memory of the process that ran each workload, from its start."""
    rows = [
        [
            _title(name),
            *(
                bytes_text(one.systems[name].peak or None) if name in one.systems else "–"
                for one in model.workloads
            ),
        ]
        for name in _names(model.workloads)
    ]
    return markdown_table(["peak memory", *(one.label for one in model.workloads)], rows)


def cold_table(model: ModelResult) -> str:
    """Process start to the first result."""
    rows = [
        [
            _title(name),
            f"{median(cold.seconds):.2f}" if cold.seconds else cold.failure or "–",
            f"{median(cold.load):.2f}" if cold.load else "–",
            f"{median(cold.again):.2f}" if cold.again else "–",
            bytes_text(cold.rss or None),
        ]
        for name, cold in model.cold.items()
    ]
    return markdown_table(
        ["10 mixed documents", "cold start, s", "of it loading, s", "loading again, s", "memory then"], rows
    )


def agreement_table(model: ModelResult) -> str:
    """How far the scores of each system are from the reference's: the check that the weights are the same."""
    rows = []
    for name in _names(model.workloads):
        systems = [one.systems[name] for one in model.workloads if name in one.systems]
        differences = [one.difference for one in systems if one.difference is not None]
        firsts = [same for one in systems for same in one.same_first]
        if differences:
            share = f"{sum(firsts)} of {len(firsts)}"
            rows.append([_title(name), f"{max(differences):.1e}", share])
    return markdown_table(
        [f"against {_title(REFERENCE)}", "largest difference of a score", "same first place"], rows
    )


def failures_list(model: ModelResult) -> str:
    """What could not be set up or was stopped, with the reason."""
    lines = [f"- {_title(name)}: not set up: {reason}" for name, reason in model.unavailable.items()]
    for workload in model.workloads:
        lines += [
            f"- {_title(name)} at {workload.label}: {system.failure}"
            for name, system in workload.systems.items()
            if system.failure
        ]
    return "\n".join(lines)


def _names(workloads: Sequence[WorkloadResult]) -> list[str]:
    present = {name for one in workloads for name in one.systems}
    return [name for name in SYSTEMS if name in present]


def _title(name: str) -> str:
    return SYSTEMS[name].title
