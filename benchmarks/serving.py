"""Our server against the same model in process: `python -m benchmarks.serving --data DATA`.

Ratios of one run. The server runs in a process of its own with the embedded model; its clients are threads here, over
connections that stay open. Server and call in process take turns, so that whatever slows the machine slows both.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from statistics import median, quantiles

import httpx2
import psutil

from benchmarks.common.own import Own, parser
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table
from benchmarks.speed.workloads import DocumentSet
from localrank import rerank_sync
from localrank_transformers import OnnxReranker

CLIENTS = 32
LEAVING = 8
SIZES = (5, 10, 20, 50)
LONG_AHEAD_S = 0.2


@dataclass(frozen=True, slots=True)
class Server:
    """A server under measurement."""

    url: str
    process: psutil.Process

    def depth(self) -> float:
        """Return the requests that are accepted and unfinished."""
        page = httpx2.get(f"{self.url}/metrics", timeout=60).text
        return float(re.search(r"^localrank_queue_depth (\S+)", page, re.MULTILINE)[1])  # type: ignore[index]


def main() -> int:
    """Measure one client, many clients, short beside long, clients that leave, and documents seen before."""
    options = parser(__doc__)
    options.add_argument("--repetitions", type=int, default=60)
    options.add_argument("--leaving-seconds", type=float, default=120)
    arguments = options.parse_args()
    own = Own(arguments)
    if own.model_name is not None:
        raise SystemExit("the server of this measurement serves the embedded model; leave --model out")
    model = own.model()
    with serving("--document-cache-mb", "0") as server:
        one = one_client(server, model, own, arguments.repetitions)
        many = many_clients(server, model, own)
        beside = short_beside_long(server, own, arguments.repetitions)
        left = clients_that_leave(server, own, arguments.leaving_seconds)
    with serving() as server:
        known = known_documents(server, own, arguments.repetitions)
    rows = [*one, *many, *beside, *left, *known]
    table = markdown_table(["measured", "figure"], [[bar.name, bar.measured] for bar in rows])
    data = {bar.name: bar.measured for bar in rows}
    write("serving", "The server", f"{own.text}.\n\n{table}", data, folder=arguments.output, bars=rows)
    return 0


def one_client(server: Server, model: OnnxReranker, own: Own, repetitions: int) -> list[Bar]:
    """Compare 20 short documents through the server with the call in process, in turns."""
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


def many_clients(server: Server, model: OnnxReranker, own: Own) -> list[Bar]:
    """Compare what 32 clients get through with what 32 threads do in process, in turns."""
    work = [own.documents("mixed", SIZES[number % len(SIZES)], number) for number in range(4 * CLIENTS)]
    documents = sum(len(one.documents) for one in work)
    ratios = []
    with httpx2.Client(timeout=300, limits=httpx2.Limits(max_connections=CLIENTS)) as client:
        for _ in range(5):
            remote = timed(lambda: spread(lambda one: ask(client, server, one), work))
            local = timed(lambda: spread(lambda one: rerank_sync(model, one.query, one.documents), work))
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


def clients_that_leave(server: Server, own: Own, seconds: float) -> list[Bar]:
    """Let 30 % of the clients go away at a random moment, and look at what is left of it."""
    draw = random.Random(7)  # noqa: S311
    work = [own.documents("mixed", size) for size in (5, 20, 100)]
    with httpx2.Client(timeout=300) as client:  # more at once than below, so that memory has its size
        spread(lambda one: ask(client, server, one), work * LEAVING)
    end = time.monotonic() + seconds
    before, answered, unanswered = state(server), [0], [0]
    lock = threading.Lock()

    def client_loop(seed: int) -> None:
        own_draw = random.Random(seed)  # noqa: S311
        while time.monotonic() < end:
            leaves = own_draw.random() < 0.3
            timeout = own_draw.uniform(0.005, 0.2) if leaves else 120
            with httpx2.Client(timeout=timeout) as client:
                try:
                    ask(client, server, own_draw.choice(work))
                except httpx2.TimeoutException:
                    if not leaves:
                        with lock:
                            unanswered[0] += 1
                else:
                    with lock:
                        answered[0] += 1

    threads = [threading.Thread(target=client_loop, args=(draw.random(),)) for _ in range(LEAVING)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.sleep(1.0)
    after = state(server)
    idle = server.process.cpu_percent(interval=1.0)
    growth = after[1] / before[1] - 1
    return [
        Bar(
            f"clients leave for {seconds:.0f} s: requests of others unanswered",
            "0",
            str(unanswered[0]),
            not unanswered[0],
        ),
        Bar("the same: answered", "> 0", f"{answered[0]:,}", answered[0] > 0),
        Bar("the same: requests in the queue at the end", "0", f"{server.depth():.0f}", server.depth() == 0),
        Bar("the same: more file descriptors", "≤ 2", str(after[0] - before[0]), after[0] - before[0] <= 2),
        Bar("the same: memory grew by", "≤ 5 %", f"{growth:.1%}", growth <= 0.05),
        Bar("the same: processor at the end", "idle", f"{idle:.0f} %", idle < 5),
    ]


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


def state(server: Server) -> tuple[int, int]:
    """Return open file descriptors and resident bytes."""
    return server.process.num_fds(), server.process.memory_info().rss


def ask(client: httpx2.Client, server: Server, documents: DocumentSet) -> None:
    """Rank with the server."""
    body = {"query": documents.query, "documents": list(documents.documents)}
    answer = client.post(f"{server.url}/v1/rerank", json=body)
    answer.raise_for_status()
    assert len(answer.json()["results"]) == len(documents.documents)


def spread(work: Callable[[DocumentSet], object], sets: Sequence[DocumentSet]) -> None:
    """Do the work of all sets in `CLIENTS` threads."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, sets))


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """Run the server in a process of its own."""
    command = [sys.executable, "-m", "localrank", "serve", "--port", "0", "--preload", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    listening = next(found for found in (re.search(r"http://\S+", line) for line in process.stderr) if found)
    drain = threading.Thread(target=process.stderr.read, daemon=True)  # its log must not fill the pipe
    drain.start()
    try:
        yield Server(listening[0], psutil.Process(process.pid))
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


if __name__ == "__main__":
    raise SystemExit(main())
