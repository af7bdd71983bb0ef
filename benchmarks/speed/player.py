"""One system taking part: its process is started when its turn comes and given up when it holds too much memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.machine import CpuWatch
from benchmarks.speed.process import PeerFailed, PeerProcess
from benchmarks.speed.systems import System
from benchmarks.speed.workloads import DocumentSet

__all__ = ["Limits", "Player", "Turn"]

WAKE = 20
"""Documents of the untimed call before a timed one: enough to touch all weights, which a process that idled may have lost."""

FULL_WARM_UP = 100
"""Up to this many documents a new process first ranks them all untimed, so that its buffers have their size."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one system may take.

    Attributes:
        memory: Bytes at which it is stopped.
        seconds: For one answer.
        hold: Bytes above which its process is given up after each turn and started anew for the next.
    """

    memory: float
    seconds: float
    hold: float


@dataclass(frozen=True, slots=True)
class Turn:
    """One timed call: seconds, highest resident bytes, and the score of each document by index."""

    seconds: float
    peak: int
    scores: dict[int, float]

    @property
    def first(self) -> int:
        """The index of the best document."""
        return max(self.scores, key=self.scores.__getitem__)


class Player:
    """A system with its process.

    Args:
        system: Which.
        python: The interpreter of its environment.
        folder: Its weights.
        limits: What it may take.
    """

    def __init__(self, system: System, python: Path, folder: Path, limits: Limits) -> None:
        self.system = system
        self._python = python
        self._folder = folder
        self._limits = limits
        self._process: PeerProcess | None = None

    @property
    def pid(self) -> int | None:
        """Its process, if it has one now."""
        return self._process.pid if self._process else None

    def start(self) -> PeerProcess:
        """Start a process, without loading.

        The caller closes it, or `close` does.
        """
        self._process = PeerProcess(
            self._python, memory_limit=self._limits.memory, time_limit=self._limits.seconds
        )
        return self._process

    def load(self, process: PeerProcess) -> float:
        """Load the model and return the seconds it took."""
        answer = process.ask(
            "load", adapter=self.system.adapter, folder=str(self._folder), precision=self.system.precision
        )
        return float(answer["seconds"])

    def turn(self, documents: DocumentSet, watch: CpuWatch) -> Turn:
        """Rank once untimed and once timed.

        Raises:
            PeerFailed: It cannot.
        """
        try:
            return self._turn(documents, watch)
        except PeerFailed:
            self.close(watch)
            raise

    def _turn(self, documents: DocumentSet, watch: CpuWatch) -> Turn:
        process, count = self._process, len(documents.documents)
        wake: int | None = min(count, WAKE)
        if process is None:
            process = self.start()
            watch.add(process.pid)
            self.load(process)
            wake = None if count <= FULL_WARM_UP else wake
        process.ask("keep", name="now", query=documents.query, documents=documents.documents)
        process.ask("rank", name="now", first=wake)
        answer = process.ask("rank", name="now")
        if process.rss() > self._limits.hold:
            self.close(watch)
        return Turn(answer["seconds"], answer["peak"], self.scores(answer))

    def scores(self, answer: dict[str, Any]) -> dict[int, float]:
        """Return the scores of an answer by index, all of them 0–1."""
        pairs = zip(answer["order"], answer["scores"], strict=True)
        if not self.system.gives_logits:
            return dict(pairs)
        return {index: 1 / (1 + math.exp(-logit)) for index, logit in pairs}

    def close(self, watch: CpuWatch | None = None) -> None:
        """End its process, if it has one."""
        process, self._process = self._process, None
        if process is None:
            return
        seconds = process.close()
        if watch is not None:
            watch.drop(process.pid, seconds)
