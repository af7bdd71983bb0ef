"""The server against the call in process, in turns, so that whatever slows the machine slows both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median, quantiles

import httpx2

from benchmarks.common.own import Own
from benchmarks.common.results import Bar
from benchmarks.serving.servers import Server, ask
from benchmarks.speed.workloads import DocumentSet
from localrank import rerank_sync

__all__ = ["known_documents", "many_clients", "one_client", "short_beside_long", "spread", "timed"]

CLIENTS = 32
SIZES = (5, 10, 20, 50)
LONG_AHEAD_S = 0.2


def one_client(server: Server, own: Own, repetitions: int) -> list[Bar]:
    """Compare 20 short documents through the server with the call in process, in turns."""
    model = own.model()
    sets = [own.documents("short", 20, number) for number in range(5)]
    with httpx2.Client(timeout=60) as client:
        remote, local = [], []
        for number in range(repetitions + 5):
            documents = sets[number % len(sets)]
            remote.append(timed(lambda: ask(client, server, documents)))  # noqa: B023  # called at once
            local.append(timed(lambda: rerank_sync(model, documents.query, documents.documents)))  # noqa: B023
    remote, local = remote[5:], local[5:]
    ratio, more = median(remote) / median(local), (median(remote) - median(local)) * 1000
    return [
        Bar("one client, 20 documents of 30 tokens ÷ in process", "≤ 1.25", f"{ratio:.2f}", ratio <= 1.25),
        Bar("the same, more than in process", "≤ 2 ms", f"{more:.2f} ms", more <= 2),
    ]


def many_clients(server: Server, own: Own, repetitions: int) -> list[Bar]:
    """Compare what 32 clients get through with what 32 threads do in process, in turns."""
    model = own.model()
    work = [own.documents("mixed", SIZES[number % len(SIZES)], number) for number in range(4 * CLIENTS)]
    documents = sum(len(one.documents) for one in work)
    ratios = []
    with httpx2.Client(timeout=300, limits=httpx2.Limits(max_connections=CLIENTS)) as client:
        for _ in range(max(2, repetitions // 12)):
            remote = timed(lambda: spread(lambda one: ask(client, server, one), work, CLIENTS))
            local = timed(
                lambda: spread(lambda one: rerank_sync(model, one.query, one.documents), work, CLIENTS)
            )
            ratios.append(local / remote)
    ratio = median(ratios)
    return [
        Bar(
            f"{CLIENTS} clients, {documents:,} documents: throughput ÷ in process",
            "≥ .9",
            f"{ratio:.2f}",
            ratio >= 0.9,
        )
    ]


def short_beside_long(server: Server, own: Own, repetitions: int) -> list[Bar]:
    """Compare requests of 5 documents beside one of 1,000 with the same alone."""
    short, long = own.documents("mixed", 5), own.documents("mixed", 1000)
    alone, beside = [], []
    with httpx2.Client(timeout=300) as client:
        while len(beside) < repetitions:
            alone.append(timed(lambda: ask(client, server, short)))
            other = threading.Thread(target=ask, args=(client, server, long))
            other.start()
            time.sleep(LONG_AHEAD_S)
            while other.is_alive() and len(beside) < repetitions:
                beside.append(timed(lambda: ask(client, server, short)))
            other.join()
    ratio = quantiles(beside, n=100)[98] / median(alone)
    return [Bar("5 documents beside 1,000: p99 ÷ their time alone", "≤ 8", f"{ratio:.1f}", ratio <= 8)]


def known_documents(server: Server, own: Own, repetitions: int) -> list[Bar]:
    """Compare documents that were seen before with the same documents the first time."""
    first, again = [], []
    with httpx2.Client(timeout=60) as client:
        ask(client, server, own.documents("mixed", 20, 0))
        for number in range(1, repetitions // 2 + 1):
            documents = own.documents("mixed", 20, number)
            first.append(timed(lambda: ask(client, server, documents)))  # noqa: B023  # called at once
            again.append(timed(lambda: ask(client, server, documents)))  # noqa: B023
    ratio = median(again) / median(first)
    return [Bar("20 documents seen before ÷ the first time", "≤ .2", f"{ratio:.2f}", ratio <= 0.2)]


def spread(work: Callable[[DocumentSet], object], sets: Sequence[DocumentSet], clients: int) -> None:
    """Do the work of all sets in `clients` threads."""
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, sets))


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
