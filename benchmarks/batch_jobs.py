"""Jobs over files: kills survived, memory, and what a job adds to the engine: `python -m benchmarks.batch_jobs`.

A job is killed (SIGKILL) at random moments, started again, and its folder compared byte for byte with that of a run that
nothing disturbed. Memory is that of a process that ranks a small file, and one twenty times as large, with a model that costs
nothing. What a job adds is CPU time, of the same calls with and without it, which other processes do not change.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common.machine import process_seconds
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import bytes_text, markdown_table
from localrank import rerank_many_sync
from localrank.batches import BatchJob, run_batch
from localrank_transformers import OnnxReranker

QUERIES, CANDIDATES = 8, 50
CHILD = """
import resource, sys
from pathlib import Path
from localrank.batches import BatchJob, run_batch
run_batch(BatchJob(Path(sys.argv[1]), Path(sys.argv[2]), part_documents=int(sys.argv[3])), "identity:callers-order")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main() -> int:
    """Measure, and write the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--seed", type=int, default=7)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kills, runs, same = _killed(folder, arguments.kills, random.Random(arguments.seed))  # noqa: S311 - of moments
        small, large = _memory(folder, 5), _memory(folder, 100)
        with_job, alone, pairs = _added(folder)
    growth = large["peak"] / small["peak"]
    rows = [
        ["kills", f"{kills} in {runs} runs", "same bytes" if same else "OTHER BYTES"],
        ["file of", bytes_text(small["bytes"]), f"peak {bytes_text(small['peak'])}"],
        ["file of", bytes_text(large["bytes"]), f"peak {bytes_text(large['peak'])}"],
        [f"{pairs:,} pairs, alone", f"{alone:.1f} s CPU", ""],
        ["the same as a job", f"{with_job:.1f} s CPU", f"{alone / with_job:.3f} of the throughput"],
    ]
    write(
        "batch_jobs",
        "Jobs over files",
        markdown_table(["what", "", "result"], rows, left=3),
        {"kills": kills, "same": same, "small": small, "large": large, "alone_s": alone, "job_s": with_job},
        bars=[
            Bar("bytes after kills", "the same", "the same" if same else "others", same),
            Bar(
                "memory, file twenty times as large",
                "at most 1.5 times",
                f"{growth:.2f} times",
                growth <= 1.5,
            ),
            Bar(
                "throughput of the engine",
                "at least 0.95",
                f"{alone / with_job:.3f}",
                alone / with_job >= 0.95,
            ),
        ],
    )
    return 0 if same else 1


def _rows(path: Path, queries: int, candidates: int, words: int) -> int:
    """Write a file of JSON Lines and return its size."""
    dice = random.Random(1)  # noqa: S311 - of words
    with path.open("w") as file:
        for query in range(queries):
            for number in range(candidates):
                text = " ".join(f"w{dice.randrange(5_000)}" for _ in range(words))
                file.write(json.dumps({"query": f"w{query} w{number}", "id": number, "text": text}) + "\n")
    return path.stat().st_size


def _killed(folder: Path, kills: int, dice: random.Random) -> tuple[int, int, bool]:
    """Kill jobs until it was done `kills` times; return kills, runs and whether all folders are the same."""
    source = folder / "killed.jsonl"
    _rows(source, 2_000, 1, 40)
    source.write_text(source.read_text().replace('"w7 ', '"w7" '))  # a few lines that are no JSON
    part = 40
    expected = folder / "undisturbed"
    run_batch(BatchJob(source, expected, part_documents=part), "identity:callers-order")
    wanted = {path.name: path.read_bytes() for path in expected.iterdir()}
    done, runs, folders, same = 0, 0, 0, True
    while done < kills:
        output = folder / f"killed-{folders}"
        folders += 1
        while True:
            runs += 1
            command = [sys.executable, "-c", CHILD, str(source), str(output), str(part)]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _wait_for_a_part(output, process)
            time.sleep(dice.uniform(0, 0.02))
            if process.poll() is None and done < kills:
                process.kill()
                process.wait()
                done += 1
                continue
            if process.wait() == 0:
                break
        same = same and {path.name: path.read_bytes() for path in output.iterdir()} == wanted
    return done, runs, same


def _wait_for_a_part(output: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until another part is there than at the start, so that every run gets a little further."""
    before = sum(1 for _ in output.glob("part-*")) if output.exists() else 0
    while process.poll() is None and sum(1 for _ in output.glob("part-*")) <= before:
        time.sleep(0.001)


def _memory(folder: Path, queries: int) -> dict[str, Any]:
    source = folder / f"memory-{queries}.jsonl"
    size = _rows(source, queries, 1_000, 40)
    command = [sys.executable, "-c", CHILD, str(source), str(folder / f"out-{queries}"), "10000"]
    peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) * 1_024
    return {"bytes": size, "peak": peak}


def _added(folder: Path) -> tuple[float, float, int]:
    """Return CPU seconds of a job, and of the same lists in one call of `rerank_many_sync`, and the number of pairs."""
    source = folder / "pairs.jsonl"
    _rows(source, QUERIES, CANDIDATES, 60)
    rows = [json.loads(line) for line in source.open()]
    model = OnnxReranker()
    starts = range(0, len(rows), CANDIDATES)
    pairs = [(rows[at]["query"], [row["text"] for row in rows[at : at + CANDIDATES]]) for at in starts]
    rerank_many_sync(model, pairs)  # both then know every word
    began = process_seconds("self")
    rerank_many_sync(model, pairs)
    alone = process_seconds("self") - began
    began = process_seconds("self")
    run_batch(BatchJob(source, folder / "job"), model)
    return process_seconds("self") - began, alone, len(rows)


if __name__ == "__main__":
    sys.exit(main())
