"""One system in its own process: reads JSON lines, loads, keeps documents, ranks, and answers with JSON lines.

It runs in the peer's environment, so it imports nothing but the standard library and the adapter asked for.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.speed.adapters import Rank


class Worker:
    """Answers the questions of the parent.

    `{"do": "load", "adapter", "folder", "precision"}` → `{"seconds"}`; `{"do": "keep", "name", "query", "documents"}` → `{}`;
    `{"do": "rank", "name", "first"}` → `{"seconds", "cpu", "order", "scores", "rss", "peak"}`, where `first` cuts the
    documents and `cpu` is the CPU time of the call.
    """

    def __init__(self) -> None:
        self._rank: Rank | None = None
        self._sets: dict[str, tuple[str, list[str]]] = {}

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one message."""
        if message["do"] == "load":
            return self._load(message)
        if message["do"] == "keep":
            self._sets[message["name"]] = (message["query"], message["documents"])
            return {}
        return self._ranked(message)

    def _load(self, message: dict[str, Any]) -> dict[str, Any]:
        started = time.perf_counter()
        adapter = import_module(f"benchmarks.speed.adapters.{message['adapter']}")
        self._rank = adapter.load(message["folder"], message["precision"])
        return {"seconds": time.perf_counter() - started}

    def _ranked(self, message: dict[str, Any]) -> dict[str, Any]:
        if self._rank is None:
            raise RuntimeError("rank before load")
        query, documents = self._sets[message["name"]]
        documents = documents[: message["first"]] if message.get("first") else documents
        cpu, started = time.process_time(), time.perf_counter()
        ranked = self._rank(query, documents)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        return {
            "seconds": seconds,
            "cpu": cpu,
            "order": [index for index, _ in ranked],
            "scores": [score for _, score in ranked],
            **_memory(),
        }


def _memory() -> dict[str, int]:
    fields = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key in {"VmRSS", "VmHWM"}:
            fields["rss" if key == "VmRSS" else "peak"] = int(value.split()[0]) * 1024
    return fields


def main() -> int:
    """Serve until standard input ends; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        try:
            answer = worker.answer(json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {str(error)[:400]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
