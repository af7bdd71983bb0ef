"""Process start to the first ranked result, and what importing costs: `python -m benchmarks.calls.cold_start --data FOLDER`.

The processes run byte-compiled code, as `pip install` leaves it, and the clock stops when the result is printed. Beside them
run processes that do no more than any program with these libraries and files must, and the same call of a loaded model: what is
left of the first call is localrank's own.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.common.machine import CpuWatch
from benchmarks.common.own import Own, parser
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table
from localrank_transformers.models.bundled import DEFAULT_MODEL, is_embedded, model_folder

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("numpy", "onnxruntime", "tokenizers", "torch", "transformers", "httpx", "httpx2")

READ = "numpy and tokenizers imported, the embedded model's files read"
LOADED = " of a loaded model, inside"

Timed = tuple[float, float, str]
"""Seconds until a process printed its line, the CPU seconds of its whole life, and the line."""

RANK = """
import json, sys
from localrank import rerank_sync
from localrank_transformers import OnnxReranker
given = json.load(sys.stdin)
result = rerank_sync(OnnxReranker(given["model"], precision=given["precision"]), given["query"], given["documents"])
print(json.dumps(len(result)), flush=True)
"""
WARM = """
import json, sys, time
from localrank import rerank_sync
from localrank_transformers import OnnxReranker
given = json.load(sys.stdin)
model = OnnxReranker(given["model"], precision=given["precision"])
seconds = []
for _ in range(4):
    started = time.perf_counter()
    rerank_sync(model, given["query"], given["documents"])
    seconds.append(time.perf_counter() - started)
print(json.dumps(min(seconds[1:])))
"""
LIBRARIES = """
import numpy, tokenizers
print(flush=True)
"""
FILES = """
import hashlib, sys, threading
graph, tokenizer = sys.stdin.read().splitlines()
def check():
    with open(graph, "rb") as stream:
        hashlib.file_digest(stream, "sha256")
beside = threading.Thread(target=check)
beside.start()
import numpy, tokenizers
tokenizers.Tokenizer.from_file(tokenizer)
beside.join()
print(flush=True)
"""
IMPORT = """
import json, sys, time
started = time.perf_counter()
import localrank
seconds = time.perf_counter() - started
print(json.dumps([seconds, [name for name in %r if name in sys.modules]]))
"""


@dataclass(frozen=True, slots=True)
class Found:
    """Times of each repetition, in seconds, by the row in the table.

    Attributes:
        seconds: From the start of a process to its printed line.
        used: CPU time of the process to its end.
        warm: Of a ranking in a process whose model is loaded.
        imports: Of `import localrank`, inside the process.
        loaded: Heavy modules that the import loads.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    used: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    warm: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    imports: list[float] = field(default_factory=list[float])
    loaded: set[str] = field(default_factory=set[str])


def main() -> int:
    """Measure everything interleaved, and write."""
    options = parser(__doc__)
    options.add_argument("--repetitions", type=int, default=15)
    options.add_argument("--name", default="cold_start", help="of the files that are written")
    arguments = options.parse_args()
    own = Own(arguments)
    cases = {
        "10 mixed documents": own.documents("mixed", 10),
        "20 short documents": own.documents("short", 20),
    }
    own.close()
    given = {
        name: json.dumps(
            {
                "model": own.model_name,
                "precision": own.precision,
                "query": documents.query,
                "documents": documents.documents,
            }
        )
        for name, documents in cases.items()
    }
    floor = _floor(own.model_name or DEFAULT_MODEL)
    watch = CpuWatch()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        timed = partial(_timed, environment=environment, watch=watch)
        _repeat(Found(), given, floor, timed)  # brings the files into the page cache, and compiles
        found = Found()
        for _ in range(arguments.repetitions):
            _repeat(found, given, floor, timed)
    note = f"{own.text}. Share of CPU taken by others: {watch.others():.0%}."
    write(
        arguments.name,
        "Cold start",
        f"{note}\n\n{_table(found)}\n\n{_shares(found.seconds, found.warm)}",
        {
            "seconds": found.seconds | found.warm,
            "cpu_seconds": found.used,
            "import_seconds": found.imports,
        },
        folder=arguments.output,
        bars=_bars(found),
    )
    return 0


def _repeat(
    found: Found, given: dict[str, str], floor: dict[str, tuple[str, str]], timed: Callable[..., Timed]
) -> None:
    """Run every process once, and keep its times."""
    for name, request in given.items():
        seconds, cpu, _ = timed(RANK, request)
        found.seconds[name].append(seconds)
        found.used[name].append(cpu)
        found.warm[f"{name}{LOADED}"].append(json.loads(timed(WARM, request)[2]))
    for name, (code, read) in floor.items():
        seconds, cpu, _ = timed(code, read)
        found.seconds[name].append(seconds)
        found.used[name].append(cpu)
    cost, names = json.loads(timed(IMPORT % (HEAVY,), "")[2])
    found.imports.append(cost)
    found.loaded.update(names)


def _table(found: Found) -> str:
    head = [
        "seconds from process start",
        "median",
        "lowest",
        "highest",
        "median CPU of the process to its end",
    ]
    times = {**found.seconds, **found.warm, "import localrank, inside": found.imports}
    rows = [
        [name, *(f"{of(own):.3f}" for of in (median, min, max)), _median_text(name, found.used)]
        for name, own in times.items()
    ]
    return markdown_table(head, rows)


def _bars(found: Found) -> list[Bar]:
    heavy = ", ".join(sorted(found.loaded)) or "none"
    return [
        _bar("10 mixed documents", median(found.seconds["10 mixed documents"]), 0.35),
        _bar("20 short documents", median(found.seconds["20 short documents"]), 1.0),
        _bar("import localrank", median(found.imports), 0.15),
        Bar("heavy modules that the import loads", "none", heavy, not found.loaded),
    ]


def _floor(model: str) -> dict[str, tuple[str, str]]:
    """Return what any program must do that ranks so: code and what it reads, by its row in the table."""
    floor = {"bare interpreter": ("print(flush=True)", ""), "numpy and tokenizers imported": (LIBRARIES, "")}
    if is_embedded(model):
        files = [
            model_folder(model).joinpath(*name.split("/"))
            for name in ("onnx/model_int8.onnx", "tokenizer.json")
        ]
        floor[READ] = (FILES, "\n".join(map(str, files)))
    return floor


def _shares(seconds: dict[str, list[float]], warm: dict[str, list[float]]) -> str:
    """Say of each case how much of its median is the floor's, the ranking's, and localrank's own."""
    if READ not in seconds:
        return "Of a folder's model no floor is measured."
    floor = median(seconds[READ])
    parts = []
    for name, times in warm.items():
        case = name.removesuffix(LOADED)
        whole, ranking = median(seconds[case]), median(times)
        own = f"{whole - floor - ranking:.3f} localrank's own"
        parts.append(
            f"{case}: {whole:.3f} s, of which {floor:.3f} libraries and files, {ranking:.3f} the ranking itself, {own}."
        )
    return " ".join(parts)


def _bar(name: str, seconds: float, aim: float) -> Bar:
    return Bar(name, f"≤ {aim:g} s", f"{seconds:.3f} s", seconds <= aim)


def _median_text(name: str, used: dict[str, list[float]]) -> str:
    return f"{median(used[name]):.3f}" if name in used else "–"


def _timed(code: str, given: str, *, environment: dict[str, str], watch: CpuWatch) -> Timed:
    """Return the seconds until the process printed its line, the CPU seconds of its whole life, and the line.

    `watch` learns that the process was ours.
    """
    before = _children_cpu()
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(given)
        process.stdin.close()
        line = process.stdout.readline()
        seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"A measured process ended with {process.returncode}.")
    cpu = _children_cpu() - before
    watch.add(process.pid)
    watch.drop(process.pid, cpu)
    return seconds, cpu, line


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())
