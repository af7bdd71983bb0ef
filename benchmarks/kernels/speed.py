"""The kernels against ONNX Runtime and what the processor can do: `python -m benchmarks.kernels.speed --model MODEL`.

`MODEL` is a folder of a cross-encoder with the graphs of `localrank models optimize`. One core; each time is the thread's own,
so that others on the machine count little. Both engines run the same rows in turn; a ratio is the median over these turns.
Needs gcc.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common.results import RESULTS, Bar, write
from benchmarks.common.tables import markdown_table
from benchmarks.kernels.building import INSTRUCTIONS, SOURCES
from localrank_transformers.call.contract import EngineRequest, Row
from localrank_transformers.engines.native.encoder import NativeEncoder
from localrank_transformers.engines.native.engine import NativeEngine
from localrank_transformers.engines.native.layout import read_layout
from localrank_transformers.engines.native.library import Kernels, library, usable
from localrank_transformers.engines.onnx.session import OnnxEngine
from localrank_transformers.models import bundled

WORK = {"37 tokens": [37], "four of 37": [37] * 4, "120": [120], "512": [512]}
ROWS = (1, 12, 120)
AGAINST_RUNTIME, OF_PEAK = 1.5, 0.75


@dataclass(frozen=True, slots=True)
class _Graph:
    file: Path
    int8: bool
    late: bool = False


def main() -> int:
    """Measure, and write a page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", type=Path, required=True)
    options.add_argument("--turns", type=int, default=15)
    options.add_argument("--output", type=Path, default=RESULTS)
    arguments = options.parse_args()
    kernels = library()
    if kernels is None:
        raise SystemExit("no compiled kernels here")
    peaks = peaks_of(kernels)
    graphs = {"localrank-mini, int8": _Graph(_embedded(), int8=True, late=True)}
    for name, int8 in (("int8", True), ("float32", False)):
        file = arguments.model / "onnx" / ("model_int8.onnx" if int8 else "model.onnx")
        graphs[f"{arguments.model.name}, {name}"] = _Graph(file, int8=int8)
    found = {
        name: {work: _turns(kernels, graph, lengths, arguments.turns) for work, lengths in WORK.items()}
        for name, graph in graphs.items()
    }
    _write(kernels, peaks, found, arguments.output)
    return 0


def peaks_of(kernels: Kernels) -> dict[str, list[float]]:
    """Return GMAC/s of int8 and float32: in registers, and of products of as many rows as `ROWS`."""
    sources = [Path(__file__).with_name("peak.c"), SOURCES / "products.c", SOURCES / "multiply.c"]
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "peak")
        command = [
            "cc",
            "-std=gnu11",
            "-O3",
            "-ffp-contract=off",
            f"-DKERNELS={kernels.name}",
            f"-I{SOURCES}",
        ]
        command += [*INSTRUCTIONS[kernels.name], *map(str, sources), "-o", program]
        subprocess.run(command, check=True)
        lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    return {kind: [float(value) for value in values] for kind, *values in map(str.split, lines)}


def _embedded() -> Path:
    graph, check = bundled.read_model(bundled.DEFAULT_MODEL, "onnx/model_int8.onnx")
    check()
    if not isinstance(graph, Path):
        raise SystemExit("the embedded model lies in an archive")
    return graph


def _turns(kernels: Kernels, graph: _Graph, lengths: list[int], turns: int) -> dict[str, list[float]]:
    """Return microseconds a token of each engine, one for each turn."""
    layout = read_layout(graph.file)
    if layout is None:
        raise SystemExit(f"{graph.file}: not written by `localrank models optimize`")
    random = np.random.default_rng(0)
    rows = [_row(random.integers(0, len(layout.words), length)) for length in lengths]
    requests: dict[str, EngineRequest] = {
        "kernels": NativeEngine(NativeEncoder(kernels, layout)).request(),
        "ONNX Runtime": OnnxEngine(graph.file, pad_id=0, int8=graph.int8).request(),
    }
    runs: dict[str, Callable[[], object]] = {
        name: (lambda one=one: one.vectors(rows) if graph.late else one.run(rows))
        for name, one in requests.items()
    }
    for run in runs.values():
        run()
    found: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(turns):
        for name in list(runs)[:: 1 if turn % 2 else -1]:
            runs[name]()  # what the other one pushed out of the caches
            begun = time.thread_time()
            runs[name]()
            found[name].append((time.thread_time() - begun) * 1e6 / sum(lengths))
    return found


def _row(ids: np.ndarray) -> Row:
    return Row(ids.astype(np.int64), np.zeros(len(ids), dtype=np.int64))


def _ratio(turns: dict[str, list[float]]) -> float:
    pairs = zip(turns["ONNX Runtime"], turns["kernels"], strict=True)
    return statistics.median(theirs / ours for theirs, ours in pairs)


def _write(
    kernels: Kernels,
    peaks: dict[str, list[float]],
    found: dict[str, dict[str, dict[str, list[float]]]],
    output: Path,
) -> None:
    times = [[name, *(_cell(turns) for turns in works.values())] for name, works in found.items()]
    speeds = [
        [kind, f"{peak:.1f}", *(f"{one:.1f} ({one / peak:.2f})" for one in products)]
        for kind, (peak, *products) in peaks.items()
    ]
    bars = [
        Bar(
            f"{name}, {work}",
            f"≥ {AGAINST_RUNTIME} ×",
            f"{_ratio(turns):.2f} ×",
            _ratio(turns) >= AGAINST_RUNTIME,
        )
        for name, works in found.items()
        for work, turns in works.items()
    ]
    bars += [
        Bar(
            f"products of {kind}, {ROWS[-1]} rows",
            f"≥ {OF_PEAK} of the peak",
            f"{share:.2f}",
            share >= OF_PEAK,
        )
        for kind, (peak, *products) in peaks.items()
        if (share := products[-1] / peak)
    ]
    text = (
        f"The kernels are those for {kernels.name}{_same(kernels)}. Microseconds a token on one core, kernels and ONNX Runtime "
        "(how many times as long it took):\n\n"
        + markdown_table(["model", *WORK], times)
        + "\n\nBillions of multiplications and additions a second: by twelve accumulators in registers, and by the kernels' "
        "products of a layer of width 384, with their share of it:\n\n"
        + markdown_table(["kind", "registers", *(f"{rows} rows" for rows in ROWS)], speeds)
    )
    data = {"kernels": kernels.name, "peaks": peaks, "microseconds": found}
    write(f"kernels_{kernels.name}", f"The kernels for {kernels.name}", text, data, folder=output, bars=bars)


def _same(kernels: Kernels) -> str:
    """Say that neither has instructions which the other lacks: ONNX Runtime takes the fastest that there are."""
    return ", and ONNX Runtime runs on the same instructions" if kernels is usable()[0] else ""


def _cell(turns: dict[str, list[float]]) -> str:
    ours, theirs = (statistics.median(turns[name]) for name in ("kernels", "ONNX Runtime"))
    return f"{ours:.0f}, {theirs:.0f} ({_ratio(turns):.2f})"


if __name__ == "__main__":
    raise SystemExit(main())
