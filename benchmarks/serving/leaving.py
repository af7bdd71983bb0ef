"""Clients that go away in the middle, and what is left of it."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx2

from benchmarks.common.own import Own
from benchmarks.common.results import Bar
from benchmarks.serving.parts import spread
from benchmarks.serving.servers import Server, ask
from benchmarks.speed.workloads import DocumentSet

__all__ = ["clients_that_leave"]

LEAVING = 8
SHARE = 0.3
IDLE_THREADS_S = 6.0
"""After which the server's threads for hops have ended."""


@dataclass(slots=True)
class Tally:
    """What came of the requests."""

    answered: int = 0
    left: int = 0
    unanswered: int = 0


def clients_that_leave(server: Server, own: Own, seconds: float) -> list[Bar]:
    """Let 30 % of the clients go away at a random moment, and look at what is left of it."""
    work = [own.documents("mixed", size) for size in (5, 20, 100)]
    with httpx2.Client(timeout=300) as client:  # more at once than below, so that memory has its size
        spread(lambda one: ask(client, server, one), work * LEAVING, LEAVING)
    before = State(server)
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(LEAVING) as pool:
        tallies = list(pool.map(lambda seed: come_and_go(server, work, seed, end), range(LEAVING)))
    unanswered, answered = (sum(getattr(one, name) for one in tallies) for name in ("unanswered", "answered"))
    left = sum(one.left for one in tallies)
    time.sleep(1.0)
    idle = server.process.cpu_percent(interval=1.0)
    time.sleep(IDLE_THREADS_S)
    after = State(server)
    growth, files = after.memory / before.memory - 1, after.files - before.files
    depth = server.depth()
    return [
        Bar(
            f"clients leave for {seconds:.0f} s ({left:,} left, {answered:,} were answered): others unanswered",
            "0",
            str(unanswered),
            not unanswered and left > 0 and answered > 0,
        ),
        Bar("the same: requests in the queue at the end", "0", f"{depth:.0f}", depth == 0),
        Bar("the same: more file descriptors", "≤ 2", str(files), files <= 2),
        Bar(
            "the same: more threads",
            "≤ 0",
            str(after.threads - before.threads),
            after.threads <= before.threads,
        ),
        Bar("the same: memory grew by", "≤ 5 %", f"{growth:.1%}", growth <= 0.05),
        Bar("the same: processor at the end", "idle", f"{idle:.0f} %", idle < 5),
    ]


def come_and_go(server: Server, work: Sequence[DocumentSet], seed: int, end: float) -> Tally:
    """Ask until `end`, each time over a connection of its own."""
    draw, tally = random.Random(seed), Tally()  # noqa: S311
    while time.monotonic() < end:
        leaves = draw.random() < SHARE
        timeout = draw.uniform(0.005, 0.2) if leaves else 120
        with httpx2.Client(
            timeout=timeout, verify=False
        ) as client:  # plain HTTP; certificates take a while to read
            try:
                ask(client, server, draw.choice(work))
                tally.answered += 1
            except httpx2.HTTPError:
                if leaves:
                    tally.left += 1
                else:
                    tally.unanswered += 1
    return tally


class State:
    """What a server holds."""

    def __init__(self, server: Server) -> None:
        self.files = server.process.num_fds()
        self.threads = server.process.num_threads()
        self.memory = server.memory()
