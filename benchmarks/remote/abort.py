"""From setting the abort event within a request to the raised error, and whether the server sees the client leave.

    python -m benchmarks.remote.abort

The server is in a process of its own and stays silent; the event is set from another thread once the server has the request.
"""

from __future__ import annotations

import argparse
import os
import random
import threading
import time
from functools import partial

import anyio

from benchmarks.common.results import Bar, write
from benchmarks.common.statistics import percentile
from benchmarks.common.tables import markdown_table, milliseconds
from benchmarks.remote.server import serving, settled
from localrank import RerankAbortedError, rerank
from localrank_cohere import CohereReranker

ABORTS, AIM_S, SILENCE_S = 100, 0.025, 60.0


async def one(reranker: CohereReranker, url: str, number: int) -> float:
    """Return the seconds from setting the event to the error."""
    event, moment = threading.Event(), [0.0]

    def set_event() -> None:
        settled(url, "requests", number)
        time.sleep(random.uniform(0, 0.02))  # noqa: S311
        moment[0] = time.perf_counter()
        event.set()

    setter = threading.Thread(target=set_event)
    setter.start()
    try:
        await rerank(reranker, "q", ["a document", "another"], abort_event=event)
    except RerankAbortedError:
        return time.perf_counter() - moment[0]
    finally:
        setter.join()
    raise SystemExit("A call that was aborted came back with a ranking.")


async def measure(url: str, aborts: int) -> list[float]:
    """Return the time of each abort, one after the other."""
    async with CohereReranker("m", base_url=url) as reranker:
        return [await one(reranker, url, number) for number in range(1, aborts + 1)]


def main() -> None:
    """Measure on both async libraries and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--aborts", type=int, default=ABORTS)
    chosen = parser.parse_args()
    rows, bars, data = [], [], {}
    for backend in ("asyncio", "trio"):
        with serving("--latency", str(SILENCE_S)) as url:
            times = anyio.run(partial(measure, url, chosen.aborts), backend=backend)
            seen = settled(url, "disconnects", chosen.aborts)
            left = settled(url, "open", 0)
        p99 = percentile(times, 0.99)
        rows.append(
            [
                backend,
                milliseconds(percentile(times, 0.5)),
                milliseconds(p99),
                milliseconds(max(times)),
                f"{seen} of {chosen.aborts}",
                f"{os.getloadavg()[0]:.1f}",
            ]
        )
        bars += [
            Bar(
                f"{backend}: abort to error, p99",
                f"≤ {AIM_S * 1000:.0f} ms",
                f"{milliseconds(p99)} ms",
                p99 <= AIM_S,
            ),
            Bar(
                f"{backend}: disconnects that the server saw",
                f"{chosen.aborts}",
                f"{seen}, {left} open",
                seen == chosen.aborts and left == 0,
            ),
        ]
        data[backend] = {"seconds": times, "disconnects": seen, "left_open": left}
    text = f"{chosen.aborts} requests to a silent server on loopback, each aborted from another thread.\n\n"
    text += markdown_table(["backend", "median ms", "p99 ms", "worst ms", "disconnects seen", "load"], rows)
    write("remote_abort", "Abort of a remote call", text, data, bars=bars)


if __name__ == "__main__":
    main()
