"""The page of a run: every table, what was disturbed, what is missing, and the plots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.common.results import bars_table, machine_text
from benchmarks.speed import report_tables as tables
from benchmarks.speed.aims import bars, published_table
from benchmarks.speed.measurements import CONTAMINATED, ModelResult
from benchmarks.speed.plot import plot
from benchmarks.speed.record import Record

__all__ = ["page", "report"]


def report(record: Record, folder: Path) -> None:
    """Print the page and write `speed.md` with the plots beside it."""
    plots = {}
    for model in record.models:
        plots[model.name] = [path.name for path in plot(model, folder / f"speed-{model.name}")]
    text = page(record, plots)
    (folder / "speed.md").write_text(text)
    print(text)


def page(record: Record, plots: dict[str, list[str]]) -> str:
    """Return the whole page as Markdown."""
    parts = [
        "# Speed side by side",
        "\n".join(["```sh", *record.commands, "```"]),
        f"{record.measured_at}; {machine_text(record.machine)}.",
        "Same weights and same documents for all. A time is one call from texts to a ranking, tokenization included, "
        "after an untimed call of the same process. In each repetition all systems rank the same documents in turn, each "
        "when no thread of another one spins any more; a time is the median over the repetitions, a ratio the median of "
        "the ratios within each repetition. "
        f"\\* marks a workload in which others took more than {CONTAMINATED:.0%} of the CPU in half of the repetitions.",
    ]
    for model in record.models:
        parts += _model(model, plots.get(model.name, []))
    return "\n\n".join(parts) + "\n"


def _model(model: ModelResult, plots: list[str]) -> Iterator[str]:
    yield f"## {model.name} ({model.shape})"
    for name in plots:
        if name.endswith(".svg"):
            yield f"![Latency against the number of documents]({name})"
    for kind in ("short", "mixed"):
        if any(one.kind == kind for one in model.workloads):
            yield f"### Latency, {kind} documents (× against sentence-transformers torch fp32)"
            yield tables.latency_table(model, kind)
    if model.workloads:
        yield "### Against the fastest peer"
        yield tables.peers_table(model)
        yield "### Against the limit"
        yield (
            "The limit is the exact minimum of products (last layer for the first token only) at the fastest int8 product "
            "measured in this run, attention at the fastest float32 product, nothing else counted; what computes in float32 "
            "stands against that of float32 products as well."
        )
        yield tables.limit_table(model, exact=False)
        yield tables.limit_table(model, exact=True)
        yield tables.peaks_table(model)
        yield "### Peak memory of the process"
        yield tables.memory_table(model)
    if model.cold:
        yield "### Cold start"
        yield tables.cold_table(model)
    yield from _checks(model)


def _checks(model: ModelResult) -> Iterator[str]:
    if model.workloads:
        yield "### Same scores?"
        yield tables.agreement_table(model)
    failures = tables.failures_list(model)
    if failures:
        yield "### Not measured"
        yield failures
    published = published_table(model)
    if published:
        yield "### Beside flashrank-js"
        yield (
            "Its figures are those of its README (hardware and lengths not given); ours are from the tables above. Its load is "
            "that of `create()`, ours that of a model in a process that has imported all, up to its first result."
        )
        yield published
    aims = bars(model)
    if aims:
        yield "### Aims"
        yield bars_table(aims)
