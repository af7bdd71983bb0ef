"""The same weights by another server."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from statistics import median

import httpx2

from benchmarks.common.own import Own
from benchmarks.common.results import Bar
from benchmarks.serving.parts import spread, timed
from benchmarks.serving.servers import Server, ask, infinity, ours

__all__ = ["against_infinity"]

CLIENTS = 16
SIZES = (5, 10, 20, 50)


def against_infinity(own: Own, weights: Path, program: Path, repetitions: int) -> list[Bar]:
    """Compare throughput on mixed lengths and memory with infinity-emb's, both at the weights of one folder, in turns."""
    work = [own.documents("mixed", SIZES[number % len(SIZES)], number) for number in range(2 * CLIENTS)]
    rounds = max(2, repetitions // 15)
    with tempfile.TemporaryDirectory() as scratch:
        model = str(shutil.copytree(weights, Path(scratch) / "model"))  # both may write beside it
        with ours("--document-cache-mb", "0", model) as mine, infinity(program, model) as theirs:
            with httpx2.Client(timeout=600, limits=httpx2.Limits(max_connections=CLIENTS)) as client:

                def all_of(server: Server) -> float:
                    return timed(lambda: spread(lambda one: ask(client, server, one), work, CLIENTS))

                all_of(mine), all_of(theirs)
                times = [(all_of(mine), all_of(theirs)) for _ in range(rounds)]
            memory = mine.memory() / theirs.memory()
            sizes = (mine.memory(), theirs.memory())
    faster = median(other / own for own, other in times)
    megabytes = " and ".join(f"{size / 2**20:,.0f}" for size in sizes)
    return [
        Bar(
            f"infinity-emb, equal weights, {CLIENTS} clients, mixed lengths: our throughput ÷ its",
            "≥ 3",
            f"{faster:.1f}",
            faster >= 3,
        ),
        Bar(f"the same: our memory ÷ its ({megabytes} MiB)", "< .5", f"{memory:.2f}", memory < 0.5),
    ]
