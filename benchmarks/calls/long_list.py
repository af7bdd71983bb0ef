"""CPU time and peak memory of `localrank rerank --first-stage bm25` over long lists: `python -m benchmarks.calls.long_list`.

Lists of drawn words, some twenty a line, from a file and from a pipe; each is one process of the command, with the embedded
model behind the first stage.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path

from benchmarks.common.results import RESULTS, Bar, write
from benchmarks.common.tables import markdown_table

SIZES = (10_000, 100_000, 1_000_000)
QUERY = "late delivery of a router"
CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class Run:
    """One command: what it read, seconds of CPU, and the most memory it held, in MB."""

    lines: int
    read_from: str
    cpu_s: float
    peak_mb: float


def main() -> int:
    """Measure each size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options.add_argument("--output", type=Path, default=RESULTS)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = [run for size in arguments.sizes for run in _runs(Path(folder), size)]
    rows = [[f"{run.lines:,}", run.read_from, f"{run.cpu_s:.1f}", f"{run.peak_mb:.0f}"] for run in runs]
    text = (
        f"The {CANDIDATES} best by BM25, ranked by `localrank-mini`; the process as a whole, from its start.\n\n"
        + markdown_table(["lines", "from", "CPU s", "peak MB"], rows)
    )
    least, most = (
        max(run.peak_mb for run in runs if run.lines == size)
        for size in (min(arguments.sizes), max(arguments.sizes))
    )
    bar = Bar("memory that grows with the list", "≤ 10 MB", f"{most - least:.0f} MB", most - least <= 10)
    data = {"runs": [asdict(run) for run in runs]}
    write("long_list", "The first stage over long lists", text, data, folder=arguments.output, bars=[bar])
    return 0


def _runs(folder: Path, size: int) -> list[Run]:
    path = folder / f"{size}.txt"
    _write_lines(path, size)
    with path.open("rb") as file:
        return [
            _measured(size, "a file", [str(path)], None),
            _measured(size, "standard input", [], file.fileno()),
        ]


def _write_lines(path: Path, size: int) -> None:
    draw = random.Random(1)  # noqa: S311 - words, no secret
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [
        *("the", "of", "and", "to", "a", "in", "is", "router", "late", "delivery"),
        *("".join(draw.choices(letters, k=draw.randint(2, 10))) for _ in range(30_000)),
    ]
    shares = list(accumulate(1 / (place + 3) for place in range(len(words))))
    with path.open("w", encoding="ascii") as file:
        for number in range(size):
            line = draw.choices(words, cum_weights=shares, k=draw.randint(8, 24))
            file.write(f"{' '.join(line)} {number}\n")


def _measured(size: int, read_from: str, sources: list[str], stdin: int | None) -> Run:
    options = ["--first-stage", "bm25", "--candidates", str(CANDIDATES), "--top-k", "10"]
    command = [sys.executable, "-m", "localrank", "rerank", QUERY, *sources, *options]
    process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}.")
    return Run(size, read_from, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


if __name__ == "__main__":
    raise SystemExit(main())
