"""How many cores this process may really use: affinity and the cgroup's quota, not the machine's count."""

from __future__ import annotations

import math
import os
from pathlib import Path

__all__ = ["cgroup_quota", "limit_cores", "usable_cores"]

_CGROUP = Path("/sys/fs/cgroup")

_most: float = math.inf


def limit_cores(most: int) -> None:
    """Have this process compute on at most `most` cores, where something shares them out that no control group enforces.

    Call it before a model is loaded: the workers that all models of a process share are counted once.
    """
    global _most
    _most = most


def usable_cores() -> int:
    """Return the number of cores that this process can keep busy, at least 1."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = cgroup_quota()
    return max(1, int(min(cores, _most, math.inf if quota is None else math.ceil(quota))))


def cgroup_quota(root: Path = _CGROUP) -> float | None:
    """Return the cores that the control group grants (version 2, then 1), or None where it sets no limit."""
    limit = _words(root / "cpu.max")
    if len(limit) == 2 and limit[0] != "max":
        return int(limit[0]) / int(limit[1])
    quota, period = _words(root / "cpu/cpu.cfs_quota_us"), _words(root / "cpu/cpu.cfs_period_us")
    if quota and period and int(quota[0]) > 0:
        return int(quota[0]) / int(period[0])
    return None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
