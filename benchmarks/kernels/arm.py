"""Whether the kernels for Arm give the bits of this machine's: `python -m benchmarks.kernels.arm`.

They are compiled by a cross compiler and run under QEMU as three processors: one with all that the kernels use, one without
int8 matrix products (Neoverse N1) and one without dot products (Cortex-A72). On each the library must find what that one runs.
Random encoders, among them ones whose numbers leave int32, and the embedded models were computed here; random token vectors
were packed and compared by numpy. Needs `gcc-aarch64-linux-gnu` and `qemu-user` (Debian's names). It says nothing of speed.
`--count 37 120` counts instructions in documents of so many tokens by a plugin of QEMU instead, and prints them beside those
that the products need, and which functions they are of.
"""

from __future__ import annotations

import argparse
import bisect
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.common.tables import markdown_table
from benchmarks.kernels.building import ARM, SOURCES, build
from benchmarks.kernels.cases import comparison_cases, embedded_cases, packing_cases, random_cases, write_case
from localrank_transformers.engines.native.agreement import TEXTS
from localrank_transformers.engines.native.library import Kernels, usable
from tests.support import native_layouts
from tests.support.native_layouts import Sizes

COMPILER, EMULATOR, SYSTEM = "aarch64-linux-gnu-gcc", "qemu-aarch64", "/usr/aarch64-linux-gnu"
PROCESSORS = {"max": ARM, "neoverse-n1": ARM[1:], "cortex-a72": ARM[2:]}
"""QEMU's, and the kernels that each can run."""
SYMBOLS = "aarch64-linux-gnu-nm"
MACS = {"i8mm": 32, "dotprod": 16, "neon": 4}
"""Multiplications and additions of int8 by one instruction; plain NEON takes two for eight."""


def main() -> int:
    """Compare; return 1 if a bit differs."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--encoders", type=int, default=30)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument(
        "--texts", type=int, default=9, help="of those that the suite records, for the embedded models"
    )
    options.add_argument("--documents", type=Path, help="a file of texts, one a line, instead of those")
    options.add_argument("--library", type=Path, help="a compiled one, as of a wheel, instead of the sources")
    options.add_argument("--count", type=int, nargs="+", metavar="TOKENS")
    arguments = options.parse_args()
    missing = [tool for tool in (COMPILER, EMULATOR) if not shutil.which(tool)]
    if missing or not usable():
        print(f"skipped: {', '.join(missing) or 'compiled kernels'} not here")
        return 0
    texts = TEXTS[: arguments.texts]
    if arguments.documents:
        texts = tuple(arguments.documents.read_text(encoding="utf-8").splitlines())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runner = _runner(folder)
        library = arguments.library or build(folder, compiler=[COMPILER], platform="linux_aarch64")
        if arguments.count:
            return _count(runner, library, folder, arguments.count)
        cases = _cases(usable()[0], folder, arguments.seed, arguments.encoders, texts)
        return max(_run(runner, library, processor, cases) for processor in PROCESSORS)


def _cases(kernels: Kernels, folder: Path, seed: int, encoders: int, texts: Sequence[str]) -> list[Path]:
    print(
        f"computed here by {kernels.name}: {encoders} random encoders, the embedded models over {len(texts)} texts"
    )
    cases = list(random_cases(kernels, folder, seed=seed, count=encoders))
    cases += comparison_cases(folder, seed=seed, count=5 * encoders)
    cases += packing_cases(folder, seed=seed, count=5 * encoders)
    return cases + (list(embedded_cases(kernels, folder, texts)) if texts else [])


def _runner(folder: Path) -> Path:
    made = folder / "runner"
    source = Path(__file__).with_name("runner.c")
    options = ["-O2", "-Wall", "-Wextra", "-DKERNELS=none", f"-I{SOURCES}"]
    subprocess.run([COMPILER, *options, str(source), "-ldl", "-pthread", "-o", str(made)], check=True)
    return made


def _run(runner: Path, library: Path, processor: str, cases: Sequence[Path]) -> int:
    """Run what the processor has; a newer one runs all kernels, so that those of others are run once."""
    chosen = cases if processor == "max" else _one_of_each(cases)
    print(f"{processor}: ", end="", flush=True)
    command = _command(processor, (runner, library), "all", 3, chosen)
    return subprocess.run(command, check=False).returncode


def _one_of_each(cases: Sequence[Path]) -> list[Path]:
    """Return two encoders, comparisons and packings: those with an odd number and an even one."""
    kinds = ("random", "maxsim", "packing")
    return [case for kind in kinds for case in [one for one in cases if one.name.startswith(kind)][:2]]


def _command(
    processor: str,
    runs: Sequence[Path],
    kernels: str,
    threads: int,
    cases: Sequence[Path],
    *,
    options: Sequence[str] = (),
) -> list[str]:
    """Return what runs `runs`, a runner with a library, as a processor of QEMU's."""
    given = [EMULATOR, "-L", SYSTEM, "-cpu", processor, *options, *map(str, runs)]
    return [*given, ",".join(PROCESSORS[processor]), kernels, str(threads), *map(str, cases)]


def _count(runner: Path, library: Path, folder: Path, lengths: Sequence[int]) -> int:
    """Print the instructions that one more document of so many tokens takes, by those that its products need."""
    plugin = folder / "counter.so"
    source = Path(__file__).with_name("counter.c")
    compiler = shutil.which("cc") or "gcc"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", str(source), "-o", str(plugin)], check=True)
    rows, parts = [], []
    for is_int8, tokens in ((one, length) for one in (True, False) for length in lengths):
        sizes = Sizes(int8=is_int8, heads=12, head_width=32, inner=1536, layers=1, labels=0, window=512)
        random = np.random.default_rng(0)
        layout = native_layouts.random_layout(random, sizes)
        documents = native_layouts.some_documents(random, sizes, [tokens] * 2)
        cases = [
            write_case(usable()[0], layout, documents[:some], folder / f"count_{some}.case")
            for some in (1, 2)
        ]
        cells = [f"{'int8' if is_int8 else 'float32'}, {tokens} tokens"]
        for kernels in ARM:
            one, both = (_instructions(runner, library, plugin, kernels, case) for case in cases)
            both.subtract(one)
            needed = _needed(sizes, tokens, MACS[kernels] if is_int8 else 4)
            cells.append(f"{both.total() / tokens / 1e3:.0f}k ({both.total() / needed:.2f})")
            if is_int8 or kernels == ARM[-1]:
                shares = [f"{both[name] / needed:.3f}" for name in dict.fromkeys(PARTS.values())]
                parts.append([f"{cells[0]}, {kernels}", *shares])
        rows.append(cells)
    print(markdown_table(["one layer of width 384", *ARM], rows))
    print(markdown_table(["by those needed", *dict.fromkeys(PARTS.values())], parts))
    return 0


PARTS = {
    "int8_sums": "products",
    "float_sums": "products",
    "float_product": "attention's products",
    "attend": "softmax, turned keys",
    "soften": "softmax, turned keys",
    "widen": "GELU, rounded",
    "multiply": "ends of products",
    "": "the rest",
}
"""What functions do, with those that are inlined into them. The rest are roundings and normalizations, and what is done
once a document and not once a layer: embeddings, and the copies that ids come and vectors leave by."""


def _instructions(runner: Path, library: Path, plugin: Path, kernels: str, case: Path) -> Counter[str]:
    """Return how many of each part are run, the C library's too."""
    command = _command("max", (runner, library), kernels, 1, [case], options=("-plugin", str(plugin)))
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stderr.splitlines()
    start = next(int(line.split()[1]) for line in lines if line.startswith("library"))
    listed = subprocess.run([SYMBOLS, "-n", str(library)], check=True, capture_output=True, text=True).stdout
    symbols = [line.split() for line in listed.splitlines() if line[:1] == "0"]
    places = [int(place, 16) for place, *_ in symbols]
    found: Counter[str] = Counter()
    for line in lines:
        if line.startswith("piece"):
            at, instructions, times = (int(number) for number in line.split()[1:])
            before = bisect.bisect_right(places, at - start) - 1
            name = symbols[before][-1].split(".")[0] if 0 <= at - start <= places[-1] else ""
            found[PARTS.get(name.removesuffix(f"_{kernels}"), PARTS[""])] += instructions * times
    return found


def _needed(sizes: Sizes, tokens: int, macs: float) -> float:
    """Return how many instructions multiply and add, at `macs` at a time but for attention's, which are float32."""
    weights = 4 * sizes.width**2 + 2 * sizes.width * sizes.inner
    return tokens * (weights / macs + 2 * tokens * sizes.width / 4)


if __name__ == "__main__":
    raise SystemExit(main())
