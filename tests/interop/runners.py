"""How soon each ASGI server lets go of work: `python -m tests.interop.runners [--times N]`.

Needs the extra `interop`, or those of uvicorn, hypercorn and granian that are to be measured. Prints a table: milliseconds from
a client's leaving, and from the end of a request's own time, until the server has nothing to do; and whether SIGTERM let what
was accepted be answered.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.support.runners import LONG, RUNNERS, depth, leave, missing, running
from tests.support.serving import Client, wait_until

OWN_TIME_S = 0.3
DRAINED = 300


def main() -> int:
    """Measure all that are installed."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.interop.runners")
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--record", type=Path, help="a Markdown file for the table")
    arguments = parser.parse_args()
    lines = [
        "# Stopping in each ASGI server",
        "",
        f"By `python -m tests.interop.runners`: `localrank-tiny`, requests of {len(LONG['documents']):,} documents; "
        f"milliseconds, median (most) of {arguments.times}. To ask whether anything is left to do takes a few itself.",
        "",
        "| server | client leaves → idle | own time over → 504 | SIGTERM: what was accepted |",
        "| --- | --- | --- | --- |",
    ]
    for name in RUNNERS:
        lacking = missing(name)
        cells = [f"{lacking} is not installed", "", ""] if lacking else measured(name, arguments.times)
        lines.append(f"| {name} | {' | '.join(cells)} |")
        sys.stderr.write(f"{lines[-1]}\n")
    page = "\n".join([*lines, ""])
    sys.stdout.write(page)
    if arguments.record is not None:
        arguments.record.write_text(page)
    return 0


def measured(name: str, times: int) -> list[str]:
    """Return the cells of one server."""
    with running(name) as (client, process):
        left = [until_idle(client, leave(client)) for _ in range(times)]
        over = [beyond_own_time(client) for _ in range(times)]
        answered = drained(client, process)
    return [*(f"{median(all_of):.0f} ({max(all_of):.0f})" for all_of in (left, over)), answered]


def until_idle(client: Client, since: float) -> float:
    """Return the milliseconds until nothing is accepted and unfinished."""
    wait_until(lambda: depth(client) == 0, 60)
    return (time.perf_counter() - since) * 1000


def beyond_own_time(client: Client) -> float:
    """Return the milliseconds by which a request with a time of its own took longer; its 8 MB are read within that time."""
    began = time.perf_counter()
    reply = client.post("/v1/rerank", LONG, X_Request_Timeout=str(OWN_TIME_S))
    assert reply.status == 504, reply.body
    return (time.perf_counter() - began - OWN_TIME_S) * 1000


def drained(client: Client, process: Any) -> str:
    """End the server while it ranks; return what came of the request."""
    body = {**LONG, "documents": LONG["documents"][:DRAINED]}
    said: list[str] = ["was cut off"]

    def ask() -> None:
        said[0] = {200: "answered"}.get(status := client.post("/v1/rerank", body).status, str(status))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    wait_until(lambda: depth(client) == 1)
    process.send_signal(signal.SIGTERM)
    asking.join(60)
    process.wait(60)
    return said[0]


if __name__ == "__main__":
    raise SystemExit(main())
