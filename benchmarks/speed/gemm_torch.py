"""GFLOP/s of torch's matrix products on one layer's shapes: int8 (oneDNN, prepacked), bf16, float32; run in its environment."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import torch

SECONDS = 0.7
TOKENS = (128, 256, 512)

Product = Callable[[], Any]


def main() -> int:
    """Print a JSON object: kind → GFLOP/s."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, required=True)
    parser.add_argument("--inner", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    hidden, inner = arguments.hidden, arguments.inner
    shapes = [(hidden, hidden)] * 4 + [(hidden, inner), (inner, hidden)]
    makers = {"onednn_int8": _int8, "torch_bf16": _bf16, "torch_fp32": _fp32}
    found: dict[str, float | str] = {}
    with torch.inference_mode():
        for name, maker in makers.items():
            try:
                found[name] = max(_speed(maker, tokens, shapes) for tokens in TOKENS)
            except (RuntimeError, AttributeError, NotImplementedError) as error:
                found[name] = f"{type(error).__name__}: {str(error)[:200]}"
    print(json.dumps(found))
    return 0


def _speed(maker: Callable[[int, int, int], Product], tokens: int, shapes: list[tuple[int, int]]) -> float:
    products = [maker(tokens, *shape) for shape in shapes]
    work = sum(2 * tokens * wide * out for wide, out in shapes)
    best = 0.0
    for timed in (False, True, True, True):
        rounds, started = 0, time.perf_counter()
        while time.perf_counter() - started < SECONDS / 3:
            for product in products:
                product()
            rounds += 1
        if timed:
            best = max(best, rounds * work / (time.perf_counter() - started) / 1e9)
    return best


def _int8(tokens: int, wide: int, out: int) -> Product:
    rows = torch.randint(0, 255, (tokens, wide), dtype=torch.uint8)
    weight = torch.randint(-127, 127, (out, wide), dtype=torch.int8)
    packed = torch.ops.onednn.qlinear_prepack(weight, [tokens, wide])
    scales = torch.full((out,), 0.01)
    zeros = torch.zeros(out, dtype=torch.int32)

    def product() -> Any:
        return torch.ops.onednn.qlinear_pointwise(
            rows, 0.02, 128, packed, scales, zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )

    return product


def _bf16(tokens: int, wide: int, out: int) -> Product:
    rows, weight = torch.randn(tokens, wide).bfloat16(), torch.randn(out, wide).bfloat16()
    return lambda: torch.nn.functional.linear(rows, weight)


def _fp32(tokens: int, wide: int, out: int) -> Product:
    rows, weight = torch.randn(tokens, wide), torch.randn(out, wide)
    return lambda: torch.nn.functional.linear(rows, weight)


if __name__ == "__main__":
    raise SystemExit(main())
