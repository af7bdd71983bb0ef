"""The least time a workload can take: its exact minimum of products at the matrix speed measured in the same run.

The last layer is counted for the first token only (keys and values for all), attention at the float32 speed, and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.environments import EnvironmentState
from benchmarks.speed.process import ROOT
from benchmarks.speed.weights import ModelShape

__all__ = ["Peaks", "Work", "limit_seconds", "measure_peaks", "work_of"]

_SCRIPTS = {"localrank": "gemm_onnxruntime", "torch": "gemm_torch"}
_INT8 = ("ort_int8", "onednn_int8")
_FP32 = ("ort_fp32", "torch_fp32")


@dataclass(frozen=True, slots=True)
class Work:
    """Operations of a workload: in products with weights, and in attention."""

    products: float
    attention: float


@dataclass(frozen=True, slots=True)
class Peaks:
    """Measured GFLOP/s by kind; a kind that could not be measured is a text that says why."""

    speeds: dict[str, float | str]

    def best(self, kinds: Sequence[str]) -> float | None:
        """Return the highest of `kinds`, None if none was measured."""
        return max(
            (value for kind in kinds if isinstance(value := self.speeds.get(kind), float)), default=None
        )

    @property
    def int8(self) -> float | None:
        """The fastest int8 product."""
        return self.best(_INT8)

    @property
    def fp32(self) -> float | None:
        """The fastest float32 product."""
        return self.best(_FP32)

    def merged(self, other: Peaks) -> Peaks:
        """Return the higher of each kind: what slows a measurement down is never the processor."""
        merged = dict(self.speeds)
        for kind, value in other.speeds.items():
            known = merged.get(kind)
            if isinstance(value, float) and (not isinstance(known, float) or value > known):
                merged[kind] = value
        return Peaks(merged)


def work_of(shape: ModelShape, pair_tokens: Sequence[int]) -> Work:
    """Return the exact minimum of operations (a multiplication and an addition are two) for these pairs."""
    hidden, inner, layers = shape.hidden, shape.inner, shape.layers
    tokens, squares, pairs = sum(pair_tokens), sum(n * n for n in pair_tokens), len(pair_tokens)
    a_token = 2 * (4 * hidden * hidden + 2 * hidden * inner)
    keys_and_values = 2 * 2 * hidden * hidden
    last = tokens * keys_and_values + pairs * (a_token - keys_and_values)
    return Work(
        products=float((layers - 1) * tokens * a_token + last),
        attention=float(4 * hidden * ((layers - 1) * squares + tokens)),
    )


def limit_seconds(work: Work, product_speed: float | None, attention_speed: float | None) -> float | None:
    """Return the least seconds at these GFLOP/s, None where one is unknown."""
    if not product_speed or not attention_speed:
        return None
    return (work.products / product_speed + work.attention / attention_speed) / 1e9


def measure_peaks(shape: ModelShape, environments: dict[str, EnvironmentState]) -> Peaks:
    """Measure the products of one layer with ONNX Runtime and, where its environment is there, with torch."""
    threads = len(os.sched_getaffinity(0))
    speeds: dict[str, float | str] = {}
    for environment, script in _SCRIPTS.items():
        state = environments.get(environment)
        if state is None or state.failure:
            speeds[script] = state.failure or "failed" if state else "no environment"
            continue
        speeds |= _run(state.python, script, shape, threads)
    return Peaks(speeds)


def _run(python: Path, script: str, shape: ModelShape, threads: int) -> dict[str, float | str]:
    sizes = ["--hidden", str(shape.hidden), "--inner", str(shape.inner), "--threads", str(threads)]
    command = [str(python), "-m", f"benchmarks.speed.{script}", *sizes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return {script: (done.stderr.strip().splitlines() or ["failed"])[-1][:300]}
    speeds: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return speeds
