"""A store of documents under load, ended at any moment, and large: `python -m benchmarks.known.document_store`.

Processes are killed (SIGKILL) while they write: what they had handed back must be found, and what is found must have the right
bytes. Processes compare one query with the same documents at once: every bit must be a single process's. A store of a million
documents is opened by a new process. The first hundred documents are read with the page cache dropped for the store's files
(`posix_fadvise`), and again with it. Times are the processor's where it says so: other programs do not change them much.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.common.results import RESULTS, Bar, write
from benchmarks.common.tables import markdown_table
from localrank_transformers.engines.native.maxsim import fastest_compare
from localrank_transformers.families.late.known.disk.store import OpenStore
from localrank_transformers.families.late.known.packed import pack_document, pack_query
from tests.support import stored_documents
from tests.support.stored_documents import IDENTITY, WIDTH, document, key

PASSAGES, TOKENS, NUMBERS = 2_000, 120, 384
READ = 100
AT_ONCE = 1_000


def main() -> int:
    """Measure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--documents", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--output", type=Path, default=RESULTS)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lost, wrong = _kills(Path(folder) / "killed", arguments.kills, arguments.seed)
        _fill(Path(folder) / "passages")
        cold_ms, warm_ms = _first(Path(folder) / "passages")
        shares = {count: _together(Path(folder) / "passages", count) for count in (1, 2, 8)}
        _fill_many(Path(folder) / "many", arguments.documents)
        open_ms, more_mb = _opened(Path(folder) / "many", arguments.documents)
    same = len({bits for _, _, found in shares.values() for bits in found}) == 1
    rows = [[str(count), f"{rate:,.0f}", f"{cpu:.1f}"] for count, (rate, cpu, _) in shares.items()]
    first = f"The first {READ} of {PASSAGES:,} passages: {cold_ms:.1f} ms without the page cache, {warm_ms:.1f} ms with it."
    head = ["processes", "documents compared a second", "CPU µs a document"]
    write(
        "document_store",
        "A store of documents",
        f"{markdown_table(head, rows)}\n\n{first}",
        {"cold_ms": cold_ms, "warm_ms": warm_ms, "open_ms": open_ms, "more_mb": more_mb},
        folder=arguments.output,
        bars=[
            Bar(f"lost in {arguments.kills} kills of what was handed back", "0", str(lost), lost == 0),
            Bar("found with other bytes than were kept", "0", str(wrong), wrong == 0),
            Bar("scores of eight processes", "one's", "one's" if same else "different", same),
            Bar(
                f"opening {arguments.documents:,} documents and finding {READ}",
                "≤ 200 ms",
                f"{open_ms:.0f} ms",
                open_ms <= 200,
            ),
            Bar("memory for it beyond the mapping", "≤ 50 MB", f"{more_mb:.0f} MB", more_mb <= 50),
        ],
    )
    return int(lost > 0 or wrong > 0 or not same)


def _store(folder: Path, max_mb: int = 4_000) -> OpenStore:
    store = OpenStore(folder, max_mb)
    store.open(IDENTITY, "a model")
    return store


def _kills(folder: Path, count: int, seed: int) -> tuple[int, int]:
    """Return how many documents were lost although they had been handed back, and how many were found with wrong bytes."""
    chance, start, lost, wrong = random.Random(seed), 0, 0, 0  # noqa: S311  # moments, no secrets
    for _ in range(count):
        command = [sys.executable, "-m", stored_documents.__name__, str(folder), str(start), "500"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        with child.stdout as lines:
            lines.readline()
            time.sleep(chance.uniform(0, 0.05))
            child.kill()
            told = [int(line) for line in lines.read().split("\n")[:-1]]
        child.wait()
        done = max([start + 3, *told])
        store = _store(folder, 500)
        numbers = range(start, done + 6)
        for number, one in zip(numbers, store.find([key(number) for number in numbers]), strict=True):
            lost += one is None and number < done
            wrong += one is not None and one.data.tobytes() != document(number).data.tobytes()
        store.close()
        start = done + 6
    return lost, wrong


def _fill(folder: Path) -> None:
    store, chance = _store(folder), np.random.default_rng(0)
    for number in range(PASSAGES):
        vectors = chance.standard_normal((TOKENS, NUMBERS)).astype(np.float32)
        store.keep([(key(number), pack_document(vectors))])
    store.close()


def _first(folder: Path) -> tuple[float, float]:
    """Return the milliseconds of a new store object's first documents, from the disk and from the page cache."""
    for path in folder.iterdir():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    taken = []
    for _ in range(2):
        started = time.perf_counter()
        store = _store(folder)
        found = store.find([key(number) for number in range(READ)])
        taken.append((time.perf_counter() - started) * 1000)
        assert None not in found
        store.close()
    return taken[0], taken[1]


def _compared(folder: Path, rounds: int) -> tuple[float, str]:
    """Return the processor's seconds for some rounds over all passages, and a sum of all scores' bits."""
    store, found = _store(folder), hashlib.sha256()
    query = pack_query(np.random.default_rng(1).standard_normal((12, NUMBERS)).astype(np.float32))
    keys, compare, used = [key(number) for number in range(PASSAGES)], fastest_compare(), time.process_time()
    for _ in range(rounds):
        documents = [one for one in store.find(keys) if one is not None]
        assert len(documents) == PASSAGES
        found.update(compare(query, documents).tobytes())
    used = time.process_time() - used
    store.close()
    return used, found.hexdigest()


def _together(folder: Path, processes: int) -> tuple[float, float, list[str]]:
    rounds = 5
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        list(
            pool.map(_compared, [folder] * processes, [1] * processes)
        )  # processes begin, and look at the checksums
        started = time.perf_counter()
        found = list(pool.map(_compared, [folder] * processes, [rounds] * processes))
        taken = time.perf_counter() - started
    compared = processes * rounds * PASSAGES
    return compared / taken, sum(used for used, _ in found) / compared * 1e6, [bits for _, bits in found]


def _fill_many(folder: Path, count: int) -> None:
    store, one = _store(folder), pack_document(np.ones((1, WIDTH), dtype=np.float32))
    for start in range(0, count, AT_ONCE):
        store.keep([(key(number), one) for number in range(start, min(count, start + AT_ONCE))])
    store.close()


def _opened(folder: Path, count: int) -> tuple[float, float]:
    """Return the milliseconds of opening it and finding documents all over it, and the megabytes that this takes."""
    program = (
        "import resource, sys, time; from pathlib import Path; import benchmarks.known.document_store as b;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; started = time.perf_counter();"
        "store = b._store(Path(sys.argv[1]));"
        "found = store.find([b.key(at) for at in range(0, int(sys.argv[2]), int(sys.argv[2]) // b.READ)]);"
        "assert None not in found; opened = time.perf_counter() - started;"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; print(opened * 1000, (after - before) / 1000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), str(count)], check=True, capture_output=True, text=True
    )
    opened, more = (float(number) for number in done.stdout.split())
    return opened, more


if __name__ == "__main__":
    raise SystemExit(main())
