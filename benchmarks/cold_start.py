"""Process start to the first ranked result, and what importing costs: `python -m benchmarks.cold_start --data FOLDER`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.common.machine import CpuWatch
from benchmarks.common.own import Own, parser
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("numpy", "onnxruntime", "tokenizers", "torch", "transformers", "httpx", "httpx2")

RANK = """
import json, sys
from localrank import rerank_sync
from localrank_transformers import OnnxReranker
given = json.load(sys.stdin)
result = rerank_sync(OnnxReranker(given["model"], precision=given["precision"]), given["query"], given["documents"])
print(json.dumps(len(result)), flush=True)
"""
IMPORT = """
import json, sys, time
started = time.perf_counter()
import localrank
seconds = time.perf_counter() - started
print(json.dumps([seconds, [name for name in %r if name in sys.modules]]))
"""


def main() -> int:
    """Measure both, interleaved."""
    options = parser(__doc__)
    options.add_argument("--repetitions", type=int, default=15)
    arguments = options.parse_args()
    own = Own(arguments)
    cases = {
        "10 mixed documents": own.documents("mixed", 10),
        "20 short documents": own.documents("short", 20),
    }
    own.close()
    seconds: dict[str, list[float]] = {name: [] for name in [*cases, "bare interpreter"]}
    imports: list[float] = []
    loaded: set[str] = set()
    watch = CpuWatch()
    for repetition in range(arguments.repetitions + 1):
        kept = repetition > 0  # the first round brings the files into the page cache
        for name, documents in cases.items():
            given = {
                "model": own.model_name,
                "precision": own.precision,
                "query": documents.query,
                "documents": documents.documents,
            }
            seconds[name] += [_timed(RANK, json.dumps(given))[0]] * kept
        seconds["bare interpreter"] += [_timed("print()", "")[0]] * kept
        cost, names = json.loads(_timed(IMPORT % (HEAVY,), "")[1])
        imports += [cost] * kept
        loaded |= set(names)
    busy = watch.others()
    rows = [
        [name, f"{median(times):.3f}", f"{min(times):.3f}", f"{max(times):.3f}"]
        for name, times in [*seconds.items(), ("import localrank, inside", imports)]
    ]
    text = markdown_table(["seconds from process start", "median", "lowest", "highest"], rows)
    note = f"{own.text}. CPU busy with anything but this script itself (its children included): {busy:.0%}."
    bars = [
        _bar("10 mixed documents", median(seconds["10 mixed documents"]), 0.35),
        _bar("20 short documents", median(seconds["20 short documents"]), 1.0),
        _bar("import localrank", median(imports), 0.15),
        Bar("heavy modules that the import loads", "none", ", ".join(sorted(loaded)) or "none", not loaded),
    ]
    write(
        "cold_start",
        "Cold start",
        f"{note}\n\n{text}",
        {"seconds": seconds, "import_seconds": imports},
        folder=arguments.output,
        bars=bars,
    )
    return 0


def _bar(name: str, seconds: float, aim: float) -> Bar:
    return Bar(name, f"≤ {aim:g} s", f"{seconds:.3f} s", seconds <= aim)


def _timed(code: str, given: str) -> tuple[float, str]:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], input=given, capture_output=True, text=True, cwd=ROOT, check=True
    )
    return time.perf_counter() - started, done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
