"""Jobs over files: kills survived, memory, and what a job adds to the engine: `python -m benchmarks.scale.batch_jobs`.

A job is killed (SIGKILL) at random moments, started again, and its folder compared byte for byte with that of a run that
nothing disturbed, for JSON Lines, Parquet and a TREC run. Memory is the peak of a process with a model that costs nothing, over
inputs ten times as large as it may take; the Parquet file is one row group. What a job adds is the time of the same lists with
and without it, one after the other in one process.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from benchmarks.common.machine import process_seconds
from benchmarks.common.results import RESULTS, Bar, command_line, write
from benchmarks.common.tables import bytes_text, markdown_table
from localrank import rerank_many_sync
from localrank.batches import BatchJob, run_batch
from localrank_transformers import OnnxReranker

Kind = Literal["jsonl", "parquet", "trec"]
KINDS: tuple[Kind, ...] = ("jsonl", "parquet", "trec")
PARTS = ("kills", "memory", "throughput")

QUERIES, CANDIDATES, PART = 400, 50, 5_000
WORDS = (
    "the of and to in is was for on that with as by at from river boat mill water old town bridge stone house "
    "road north south year people first world time work city state system number group part place small large "
    "found made used called known near "
)

ALLOWED: dict[Kind, int] = {"jsonl": 64_000_000, "parquet": 256_000_000, "trec": 64_000_000}
"""Bytes of memory that a job may take, of which pyarrow alone takes 150 million; inputs are ten times as large."""

CHILD = """
import sys
from pathlib import Path
from benchmarks.common.machine import peak_rss
from localrank.batches import BatchJob, run_batch
source, output, part, collection = sys.argv[1:]
job = BatchJob(Path(source), Path(output), part_documents=int(part), collection=collection or None)
run_batch(job, "identity:callers-order")
print(peak_rss())
"""


def main() -> int:
    """Measure, and write the page: what is not measured now stays as it was measured before."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--only", choices=PARTS, action="append", help="Measure this alone; may be repeated."
    )
    options.add_argument("--kills", type=int, default=200, help="For each kind of file.")
    options.add_argument("--model", default="localrank-tiny", help="Whose throughput.")
    options.add_argument("--seed", type=int, default=7)
    arguments = options.parse_args()
    found = _measured_before()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in arguments.only or PARTS:
            dice = random.Random(arguments.seed)  # noqa: S311 - of moments
            if part == "kills":
                values: list[Any] = [_killed(folder, kind, arguments.kills, dice) for kind in KINDS]
            elif part == "memory":
                values = [_memory(folder, kind, ALLOWED[kind]) for kind in KINDS]
            else:
                values = _added(folder, arguments.model)
            now = datetime.now(UTC).isoformat(timespec="minutes")
            found[part] = {"command": command_line(), "at": now, "values": values}
    _write(found)
    return 0 if all(value["same"] for value in found.get("kills", {"values": []})["values"]) else 1


def _measured_before() -> dict[str, Any]:
    path = RESULTS / "batch_jobs.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    return {part: before[part] for part in PARTS if part in before}


def _write(found: dict[str, Any]) -> None:
    rows: list[list[str]] = []
    bars: list[Bar] = []
    for value in found.get("kills", {"values": []})["values"]:
        words = "the same" if value["same"] else "OTHERS"
        rows.append(["kills", value["kind"], f"{value['kills']} in {value['runs']} runs", f"{words} bytes"])
        bars.append(Bar(f"bytes after kills, {value['kind']}", "the same", words, value["same"]))
    for value in found.get("memory", {"values": []})["values"]:
        peak, size, allowed = value["peak"], value["bytes"], value["allowed"]
        rows.append(["memory", value["kind"], f"input of {bytes_text(size)}", f"peak {bytes_text(peak)}"])
        name = f"peak for an input of {bytes_text(size)}, {value['kind']}"
        bars.append(Bar(name, f"at most {bytes_text(allowed)}", bytes_text(peak), peak <= allowed))
    for value in found.get("throughput", {"values": []})["values"]:
        rate = f"{value['pairs'] / value['seconds']:,.0f} pairs/s, {value['cpu']:.1f} s CPU"
        rows.append(
            ["throughput", value["what"], f"{value['pairs']:,} pairs in {value['seconds']:.1f} s", rate]
        )
    bars += _throughput_bars(found)
    when = [f"- {part}: `{one['command']}`, {one['at']}" for part, one in found.items()]
    text = "\n".join(when) + "\n\n" + markdown_table(["what", "of", "", "result"], rows, left=4)
    write("batch_jobs", "Jobs over files", text, found, bars=bars)


def _throughput_bars(found: dict[str, Any]) -> list[Bar]:
    values = found.get("throughput", {"values": []})["values"]
    alone = [value["seconds"] for value in values if value["what"].endswith("alone")]
    if not alone:
        return []
    mean = sum(alone) / len(alone)
    jobs = [value for value in values if not value["what"].endswith("alone")]
    ratios = [(value["what"], mean / value["seconds"]) for value in jobs]
    return [
        Bar(f"of the engine's throughput, {what}", "at least 0.95", f"{ratio:.3f}", ratio >= 0.95)
        for what, ratio in ratios
    ]


def _rows(queries: int, candidates: int, words: int) -> list[dict[str, str]]:
    dice = random.Random(1)  # noqa: S311 - of words
    known = WORDS.split()
    return [
        {"query": query, "id": f"d{place}-{number}", "text": " ".join(dice.choices(known, k=words))}
        for place in range(queries)
        for query in [f"{dice.choice(known)} {dice.choice(known)} of {place}"]
        for number in range(candidates)
    ]


def _put(folder: Path, name: str, kind: Kind, rows: list[dict[str, str]]) -> tuple[Path, Path | None]:
    """Write rows as an input of a kind; return it, and where its texts are."""
    folder.mkdir(exist_ok=True)
    if kind == "jsonl":
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path, None
    if kind == "parquet":
        from pyarrow import Table, parquet  # noqa: PLC0415

        path = folder / f"{name}.parquet"
        parquet.write_table(Table.from_pylist(rows), path)
        return path, None
    collection = folder / name
    collection.mkdir()
    names = {row["query"]: f"q{number}" for number, row in enumerate(rows)}
    queries = [{"_id": number, "text": query} for query, number in names.items()]
    corpus = [{"_id": row["id"], "text": row["text"]} for row in rows]
    (collection / "queries.jsonl").write_text("".join(json.dumps(one) + "\n" for one in queries))
    (collection / "corpus.jsonl").write_text("".join(json.dumps(one) + "\n" for one in corpus))
    path = folder / f"{name}.run"
    path.write_text("".join(f"{names[row['query']]} Q0 {row['id']} 1 0 x\n" for row in rows))
    return path, collection


def _killed(folder: Path, kind: Kind, kills: int, dice: random.Random) -> dict[str, Any]:
    """Kill jobs until it was done `kills` times."""
    rows = _rows(1_000, 2, 40)
    rows[7]["query"] = " "
    source, collection = _put(folder, f"killed-{kind}", kind, rows)
    part = "40"
    expected = folder / f"undisturbed-{kind}"
    _run([str(source), str(expected), part, str(collection or "")])
    wanted = {path.name: path.read_bytes() for path in expected.iterdir()}
    done, runs, folders, same = 0, 0, 0, True
    while done < kills:
        output = folder / f"killed-{kind}-{folders}"
        folders += 1
        while True:
            runs += 1
            command = [sys.executable, "-c", CHILD, str(source), str(output), part, str(collection or "")]
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
    return {"kind": kind, "kills": done, "runs": runs, "folders": folders, "same": same}


def _wait_for_a_part(output: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until another part is there than at the start, so that every run gets a little further."""
    before = sum(1 for _ in output.glob("part-*")) if output.exists() else 0
    while process.poll() is None and sum(1 for _ in output.glob("part-*")) <= before:
        time.sleep(0.001)


def _run(arguments: list[str]) -> int:
    """Run a job in a process of its own; return its peak memory in bytes."""
    command = [sys.executable, "-c", CHILD, *arguments]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _memory(folder: Path, kind: Kind, allowed: int) -> dict[str, Any]:
    source, collection = _large(folder, kind, 10 * allowed)
    size = (source if collection is None else collection / "corpus.jsonl").stat().st_size
    output = folder / f"out-{kind}"
    peak = _run([str(source), str(output), "2000", str(collection or "")])
    for path in (*output.iterdir(), source, *(collection.iterdir() if collection else ())):
        path.unlink()
    return {"kind": kind, "bytes": size, "peak": peak, "allowed": allowed}


def _large(folder: Path, kind: Kind, size: int) -> tuple[Path, Path | None]:
    """Write an input of `size` bytes: of a run, the corpus, of whose documents every tenth is a candidate."""
    dice = random.Random(3)  # noqa: S311 - of bytes
    text = "".join(f"{dice.getrandbits(64):016x} " for _ in range(3_000))
    count = size // 2_100

    def row(number: int) -> dict[str, str]:
        start = dice.randrange(len(text) - 2_000)
        return {"query": f"query {number // 100}", "id": f"d{number}", "text": text[start : start + 2_000]}

    if kind == "parquet":
        return _large_parquet(folder, count), None
    if kind == "jsonl":
        source = folder / "large.jsonl"
        with source.open("w") as file:
            file.writelines(json.dumps(row(number)) + "\n" for number in range(count))
        return source, None
    source, collection = folder / "large.run", folder / "large"
    collection.mkdir()
    with (collection / "corpus.jsonl").open("w") as file:
        file.writelines(json.dumps({"_id": f"d{n}", "text": row(n)["text"]}) + "\n" for n in range(count))
    with (collection / "queries.jsonl").open("w") as file:
        file.writelines(
            json.dumps({"_id": f"q{n}", "text": f"query {n}"}) + "\n" for n in range(count // 100)
        )
    with source.open("w") as file:
        file.writelines(f"q{n // 1_000} Q0 d{n} 1 0 x\n" for n in range(0, count, 10))
    return source, collection


def _large_parquet(folder: Path, count: int) -> Path:
    """Write a Parquet file of one row group, with texts that do not pack."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    source = folder / "large.parquet"
    dice = random.Random(3)  # noqa: S311 - of bytes
    schema = pa.schema([("query", pa.string()), ("text", pa.string())])
    batches = []
    for start in range(0, count, 10_000):
        numbers = range(start, min(start + 10_000, count))
        texts = [dice.randbytes(1_000).hex() for _ in numbers]
        batches.append(pa.record_batch([[f"query {n // 100}" for n in numbers], texts], schema=schema))
    table = pa.Table.from_batches(batches)
    parquet.write_table(table, source, row_group_size=count, use_dictionary=False, compression="none")
    return source


def _added(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the time of the lists alone, as two jobs, and alone once more."""
    rows = _rows(QUERIES, CANDIDATES, 60)
    model = OnnxReranker(name)
    starts = range(0, len(rows), CANDIDATES)
    pairs = [(rows[at]["query"], [row["text"] for row in rows[at : at + CANDIDATES]]) for at in starts]
    rerank_many_sync(model, pairs[:8])

    jobs = {kind: _put(folder, f"pairs-{kind}", kind, rows)[0] for kind in ("jsonl", "parquet")}
    works: dict[str, Callable[[], object]] = {
        "alone": lambda: rerank_many_sync(model, pairs),
        "a job over jsonl": lambda: _job(jobs["jsonl"], model),
        "a job over parquet": lambda: _job(jobs["parquet"], model),
        "again alone": lambda: rerank_many_sync(model, pairs),
    }
    values = []
    for what, work in works.items():
        began, cpu = time.perf_counter(), process_seconds("self")
        work()
        seconds = time.perf_counter() - began
        values.append(
            {
                "what": f"{name}, {what}",
                "pairs": len(rows),
                "seconds": seconds,
                "cpu": process_seconds("self") - cpu,
            }
        )
    return values


def _job(source: Path, model: OnnxReranker) -> None:
    report = run_batch(BatchJob(source, source.parent / f"job-{source.suffix}", part_documents=PART), model)
    if report.kept != QUERIES * CANDIDATES:
        raise RuntimeError(f"{report.kept} rows were ranked")


if __name__ == "__main__":
    sys.exit(main())
