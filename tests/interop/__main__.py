"""Rank by other people's clients with our server: `python -m tests.interop [ENVIRONMENT …]`.

For each environment, a virtual environment is made with its clients in it (not localrank), and each client is put through
every situation against one real server with the embedded model. Prints a table; fails where a client did not do what it is
known to do.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self

from tests.interop.environments import ENVIRONMENTS, Client, Environment
from tests.interop.making import make
from tests.interop.situations import SITUATIONS, Situation, WatchedApp, make_app
from tests.support.serving import serving

CLIENTS = Path(__file__).parent / "clients"
_RECORD = """\
# Other people's clients against `localrank serve`

`yes`: the client did what it is known to do. It ranks: every document, the right one first, scores from 0 to 1. It is
refused: an error is raised after one request, with the server's words where the client shows any (LlamaIndex's TEI reranker
shows none). The server is ending: after its 503 the clients that ask again got their ranking, the others raised.

{}"""


def main() -> int:
    """Make, ask, judge, tell."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.interop")
    usual = [name for name, environment in ENVIRONMENTS.items() if not environment.unasked]
    parser.add_argument("names", nargs="*", metavar="ENVIRONMENT", help=", ".join(ENVIRONMENTS))
    parser.add_argument("--folder", type=Path, help="where environments are made, or are already")
    parser.add_argument("--record", type=Path, help="a Markdown file for the table")
    arguments = parser.parse_args()
    began = time.perf_counter()
    names = arguments.names or usual
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(2) as pool:
        folder = arguments.folder or Path(scratch)
        tried = list(pool.map(partial(try_environment, folder=folder), names))
        versions = [f"- {name}: {versions_in(folder / name, ENVIRONMENTS[name])}" for name in names]
    rows = [row for environment in tried for row in environment]
    table = "\n".join([as_table(rows), *versions, ""])
    sys.stdout.write(f"{table}\n{time.perf_counter() - began:.0f} s\n")
    if arguments.record is not None:
        arguments.record.write_text(_RECORD.format(table))
    return int(any(wrong for row in rows for wrong in row[2].values()))


def try_environment(name: str, *, folder: Path) -> list[tuple[str, str, dict[str, str]]]:
    """Return version, client, and what was wrong in each situation, for the clients of one environment."""
    environment = ENVIRONMENTS[name]
    python = make(environment, folder / name)
    rows = []
    app = make_app()
    with serving(app) as server:
        for file, clients in environment.files.items():
            with Asking(python, file) as asking:
                for client in clients:
                    wrong = {
                        situation.name: put_through(situation, client, asking, app, server.url)
                        for situation in SITUATIONS
                        if client.names_model or not situation.needs_model
                    }
                    rows.append((name, client.name, wrong))
    return rows


def versions_in(folder: Path, environment: Environment) -> str:
    """Return what is installed of the requirements."""
    distributions = [re.split("[<>=]", requirement)[0] for requirement in environment.requirements]
    script = (
        "import importlib.metadata as m, sys; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
    )
    command = [str(folder / "bin" / "python"), "-c", script, *distributions]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def put_through(situation: Situation, client: Client, asking: Asking, app: WatchedApp, url: str) -> str:
    """Return what went wrong, or ""."""
    app.begin(ending=situation.ending)
    said = asking.ask(client.name, situation.ask(url))
    return situation.judge(client, said, app.asked)


class Asking:
    """One file of `clients/`, running in its environment."""

    def __init__(self, python: Path, file: str) -> None:
        self._process = subprocess.Popen(
            [str(python), str(CLIENTS / f"{file}.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "NO_PROXY": "*"},
        )

    def __enter__(self) -> Self:
        """Return itself; the process is there already."""
        return self

    def ask(self, client: str, question: dict[str, Any]) -> dict[str, Any]:
        """Return what the client made of `question`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"client": client, **question}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the file of {client} ended"
        said: dict[str, Any] = json.loads(line)
        return said

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def as_table(rows: list[tuple[str, str, dict[str, str]]]) -> str:
    """Return a Markdown table, and below it what was wrong."""
    names = [situation.name for situation in SITUATIONS]
    lines = [f"| environment | client | {' | '.join(names)} |", "| --- " * (len(names) + 2) + "|"]
    for environment, client, wrong in rows:
        marks = [("–" if name not in wrong else "no" if wrong[name] else "yes") for name in names]
        lines.append(f"| {environment} | {client} | {' | '.join(marks)} |")
    bad = [
        f"- {client}, {name}: {wrong[name]}" for _, client, wrong in rows for name in names if wrong.get(name)
    ]
    return "\n".join([*lines, "", *bad, ""])


if __name__ == "__main__":
    raise SystemExit(main())
