"""Send mutated requests to the real server: `python -m tests.interop.fuzz [--requests N]`.

schemathesis makes them from the description of the API (in an environment of its own, which is made), hypothesis from bodies
that clients send. Fails at a 5xx other than the 504 of a request that gave itself no time, at an answer that the description
does not have, at a traceback in the log, and where something is left to do in the end.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import IO

import psutil
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.interop.environments import FUZZ
from tests.interop.making import make
from tests.support.serving import Client, serving_process
from tests.support.wrong_requests import PATHS, bodies, check, pieces

KEY = "correct-horse-battery"
CONFIG = """\
[checks]
negative_data_rejection.enabled = false  # texts for numbers and unknown fields are taken on purpose
positive_data_acceptance.enabled = false # a limit may refuse what fits the description
not_a_server_error.expected-statuses = ["2xx", "4xx", 504]
"""
PATHS_DESCRIBED = 22
NOT_HTTP = " WARNING Invalid HTTP request received.\n"
PAGE = """\
# Mutated requests against `localrank serve`

By `python -m tests.interop.fuzz`, to a process of its own with the embedded model and a key.

- Made by schemathesis from `/openapi.json`: {described}.
- Made by hypothesis, bodies with other values and other bytes: {mutated}.
- After it: `/ready` answers, {left}.

Wrong: {wrong}.
"""


def main() -> int:
    """Send all, and look at what is left."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.interop.fuzz")
    parser.add_argument("--requests", type=int, default=6_000, help="a third of them by each kind")
    parser.add_argument("--folder", type=Path, help="where the environment is made, or is already")
    parser.add_argument("--record", type=Path, help="a Markdown file for what came of it")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as scratch,
        serving_process(LOCALRANK_API_KEYS=KEY) as (client, server),
    ):
        python = make(FUZZ, (arguments.folder or Path(scratch)) / "fuzz")
        log = Log(server.stderr)
        described = schemathesis(python, client.url, arguments.requests // 3, Path(scratch))
        statuses, slowest = mutate(client, arguments.requests // 3)
        left = left_behind(client)
        busy = psutil.Process(server.pid).cpu_percent(interval=1.0)
    wrong = [*described.wrong, *left, *log.wrong()]
    answers = ", ".join(f"{count:,} × {status}" for status, count in sorted(statuses.items()))
    page = PAGE.format(
        described=described.line,
        mutated=f"{statuses.total():,} requests; {answers}; the slowest took {slowest:.2f} s",
        left=f"the queue is empty, the processor is {busy:.0f} % busy, {log.lines:,} lines of log",
        wrong="".join(f"\n- {one}" for one in wrong) or "nothing",
    )
    sys.stdout.write(page)
    if arguments.record is not None:
        arguments.record.write_text(page)
    return int(bool(wrong))


class Described:
    """What schemathesis found."""

    def __init__(self, output: str, code: int) -> None:
        found = re.search(r"(\d+) generated.*", output)
        self.line = found[0] if found else "nothing was generated"
        self.wrong = [] if code == 0 and found else [output[-4_000:]]


class Log:
    """What the server says, read as it says it, so that its pipe never fills."""

    def __init__(self, stream: IO[str] | None) -> None:
        assert stream is not None
        self._text: list[str] = []
        self._reader = threading.Thread(target=lambda: self._text.extend(stream), daemon=True)
        self._reader.start()

    @property
    def lines(self) -> int:
        """How many it said."""
        return len(self._text)

    def wrong(self) -> list[str]:
        """Return the lines that are no record of a request, and no word on one that was not HTTP."""
        return [line for line in self._text if not (line.endswith(NOT_HTTP) or _is_a_record(line))]


def _is_a_record(line: str) -> bool:
    head, brace, rest = line.partition("{")
    try:
        return head.endswith(" INFO ") and json.loads(brace + rest)["status"] not in {500, 502, 503}
    except ValueError:
        return False


def schemathesis(python: Path, url: str, requests: int, scratch: Path) -> Described:
    """Have schemathesis make requests from the description."""
    config = scratch / "schemathesis.toml"
    config.write_text(CONFIG)
    each = str(max(1, requests // PATHS_DESCRIBED))
    how = ["--header", f"Authorization: Bearer {KEY}", "--max-examples", each, "--phases", "coverage,fuzzing"]
    told = ["--no-color", "--no-shrink", "--continue-on-failure", "--request-timeout", "20"]
    done = subprocess.run(
        [str(python.parent / "st"), "--config-file", str(config), "run", f"{url}/openapi.json", *how, *told],
        check=False,
        capture_output=True,
        text=True,
        cwd=scratch,
    )
    return Described(done.stdout + done.stderr, done.returncode)


def mutate(client: Client, examples: int) -> tuple[Counter[int], float]:
    """Return the statuses of mutated bodies and bytes, and the seconds of the slowest answer."""
    statuses: Counter[int] = Counter()
    slowest = 0.0

    def send(path: str, content: bytes) -> None:
        nonlocal slowest
        began = time.perf_counter()
        statuses[check(client, path, content, Authorization=f"Bearer {KEY}").status] += 1
        slowest = max(slowest, time.perf_counter() - began)

    for contents in (bodies(), pieces()):
        settings(
            max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )(given(st.sampled_from(PATHS), contents)(send))()
    return statuses, slowest


def left_behind(client: Client) -> list[str]:
    """Return what should not be there once all is answered."""
    headers = {"Authorization": f"Bearer {KEY}"}
    ready = client.get("/ready", **headers)
    page = client.get("/metrics", **headers).body
    waiting = re.findall(r"^localrank_queue_(?:depth|tokens) (?!0\.0$).*$", page, re.MULTILINE)
    return [*waiting, *([] if ready.status == 200 else [f"/ready answers {ready.status}"])]


if __name__ == "__main__":
    raise SystemExit(main())
