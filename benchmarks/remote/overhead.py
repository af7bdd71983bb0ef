"""The client's CPU time for a thousand calls, beside that of the vendor's own async client.

    python -m benchmarks.remote.overhead --cohere-python VENV/bin/python

VENV is an environment with `pip install cohere`; without the option, this one is used.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table
from benchmarks.remote.server import ROOT, serving, settled, stats

CALLS, PARALLEL, LATENCY_S, AIM = 1_000, 64, 0.02, 0.7


def run(python: str, which: str, url: str) -> dict[str, Any]:
    """Run one client in a process of its own."""
    script = Path(__file__).parent / "client.py"
    done = subprocess.run(
        [python, str(script), which, url, str(CALLS), str(PARALLEL)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)} if which == "ours" else None,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure in turns and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohere-python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    pythons = {"official": chosen.cohere_python, "ours": sys.executable}
    rounds: list[dict[str, dict[str, Any]]] = []
    left_open: list[int] = []
    connections: list[int] = []
    for _ in range(chosen.rounds):
        row: dict[str, dict[str, Any]] = {}
        for which, python in pythons.items():
            with serving("--latency", str(LATENCY_S)) as url:
                row[which] = run(python, which, url)
                if which == "ours":
                    left_open.append(settled(url, "open", 0))
                    connections.append(stats(url)["connections"])
            row[which]["load"] = os.getloadavg()[0]
        rounds.append(row)
    report(rounds, left_open, connections)


def report(rounds: list[dict[str, dict[str, Any]]], left_open: list[int], connections: list[int]) -> None:
    """Write the tables."""
    ratios = [row["ours"]["cpu_s"] / row["official"]["cpu_s"] for row in rounds]
    ratio = statistics.median(ratios)
    version = rounds[0]["official"]["version"]
    table = markdown_table(
        [
            "round",
            "ours, CPU s",
            f"cohere {version}, CPU s",
            "ratio",
            "ours, wall s",
            "cohere, wall s",
            "load",
        ],
        [
            [
                number,
                f"{row['ours']['cpu_s']:.2f}",
                f"{row['official']['cpu_s']:.2f}",
                f"{one:.2f}",
                f"{row['ours']['wall_s']:.2f}",
                f"{row['official']['wall_s']:.2f}",
                f"{row['ours']['load']:.1f}",
            ]
            for number, (row, one) in enumerate(zip(rounds, ratios, strict=True), start=1)
        ],
    )
    text = (
        f"{CALLS:,} calls of 10 documents, {PARALLEL} at once, against a server on loopback with {LATENCY_S * 1000:.0f} ms "
        "latency; each client and the server in a process of its own, in turns.\n\n" + table
    )
    bars = [
        Bar("client CPU of ours / official, median", f"≤ {AIM}", f"{ratio:.2f}", ratio <= AIM),
        Bar("connections left open after closing", "0", f"{max(left_open)}", max(left_open) == 0),
        Bar("connections used", f"≤ {PARALLEL}", f"{max(connections)}", max(connections) <= PARALLEL),
    ]
    data = {"rounds": rounds, "ratio": ratio, "left_open": left_open, "connections": connections}
    write("remote_overhead", "CPU time of a remote call", text, data, bars=bars)


if __name__ == "__main__":
    main()
