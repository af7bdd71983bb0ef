"""The machine a figure was measured on, and how much of its CPU others took meanwhile (Linux)."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["CpuWatch", "describe", "memory_total", "peak_rss", "process_seconds", "rss", "wait_until_still"]

_TICK = os.sysconf("SC_CLK_TCK")
_STILL_S = 0.04
"""Four ticks of the kernel's usual clock, in which CPU times are counted."""

_IDLE_FIELDS = {3, 4}
"""`idle` and `iowait` in /proc/stat; `guest` times (8, 9) are already part of `user`."""


@dataclass(frozen=True, slots=True)
class _Machine:
    cpu: str
    cores: int
    flags: list[str]
    memory_gb: float
    system: str
    python: str


def describe() -> dict[str, Any]:
    """Return what a reader needs to know of the machine."""
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "asimddp")
    text = _read("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    flags = {
        flag for line in text.splitlines() if line.startswith(("flags", "Features")) for flag in line.split()
    }
    cores = len(os.sched_getaffinity(0))
    machine = _Machine(
        cpu=names[0] if names else platform.processor(),
        cores=cores,
        flags=[flag for flag in wanted if flag in flags],
        memory_gb=round(memory_total() / 1e9, 1),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
    )
    return asdict(machine)


def memory_total() -> int:
    """Return the bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def rss(pid: int | str = "self") -> int:
    """Return the resident bytes of a process, 0 if it is gone."""
    return _status(pid, "VmRSS:")


def peak_rss() -> int:
    """Return the highest resident bytes that this process ever had."""
    return _status("self", "VmHWM:")


def _status(pid: int | str, key: str) -> int:
    for line in _read(f"/proc/{pid}/status").splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    return 0


def process_seconds(pid: int | str) -> float:
    """Return the CPU seconds of a process, without its children's, 0 if it is gone."""
    text = _read(f"/proc/{pid}/stat")
    if not text:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:13]) / _TICK


def wait_until_still(pids: Iterable[int], *, most_s: float = 2.0) -> None:
    """Wait until none of these processes takes CPU time, or for `most_s`.

    Threads of ONNX Runtime and OpenMP spin on after a call, up to tenths of a second, and would take a core from whoever is
    timed next.
    """
    watched, until = list(pids), time.monotonic() + most_s
    before = _together(watched)
    while time.monotonic() < until:
        time.sleep(_STILL_S)
        now = _together(watched)
        if now <= before:
            return
        before = now


def _together(pids: Iterable[int]) -> float:
    return sum(process_seconds(pid) for pid in pids)


class CpuWatch:
    """Measures, from its making on, which share of the machine's CPU time others took.

    Args:
        own: Further processes that belong to the measurement, besides this one.
    """

    def __init__(self, own: Iterable[int] = ()) -> None:
        self._own = {pid: process_seconds(pid) for pid in {os.getpid(), *own}}
        self._busy, self._total = _machine_seconds()
        self._ended = 0.0

    def add(self, pid: int) -> None:
        """Count a process that was started meanwhile as one of ours."""
        self._own.setdefault(pid, 0.0)

    def drop(self, pid: int, seconds: float) -> None:
        """Keep the CPU time of a process that ends now and has not been awaited; `seconds` is its total."""
        if pid in self._own:
            self._ended += seconds - self._own.pop(pid)

    def others(self) -> float:
        """Return the share (0–1) of all CPU time since the start that neither idled nor was ours."""
        busy, total = _machine_seconds()
        if total <= self._total:
            return 0.0
        ours = self._ended + sum(max(0.0, process_seconds(pid) - before) for pid, before in self._own.items())
        return max(0.0, (busy - self._busy) - ours) / (total - self._total)


def _machine_seconds() -> tuple[float, float]:
    fields = [int(value) for value in _read("/proc/stat").split("\n", 1)[0].split()[1:9]]
    total = sum(fields)
    idle = sum(value for place, value in enumerate(fields) if place in _IDLE_FIELDS)
    return (total - idle) / _TICK, total / _TICK


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
