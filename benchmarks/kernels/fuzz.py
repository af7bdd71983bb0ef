"""The kernels under the compiler's sanitizers, over random encoders and documents: `python -m benchmarks.kernels.fuzz`.

Each sanitizer gets a library of its own and a process in which its runtime is loaded first. What this processor can run is run:
int8 and float32, MaxSim, pieces of texts, a token and the whole window, many threads of one run, runs of one encoder, and what
must be refused.
Every run is repeated, and its bits compared. Needs gcc with libasan, libubsan and libtsan (Debian: part of `gcc`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace, WhitespaceSplit
from tokenizers.pre_tokenizers import Sequence as Splits

from benchmarks.kernels.building import INSTRUCTIONS, build
from localrank.contract.errors import InferenceError
from localrank_transformers.engines.native.encoder import NativeEncoder, StopFlag
from localrank_transformers.engines.native.library import Kernels, open_library, usable
from localrank_transformers.engines.native.maxsim import NativeCompare
from localrank_transformers.engines.native.pieces import NativeFinder
from localrank_transformers.families.late.known.packed import Bits, ByNumpy, Compare
from tests.support import native_layouts
from tests.support.native_layouts import VOCABULARY, Document, Sizes
from tests.support.token_vectors import Vectors, random_case, random_vectors

_RUNTIMES = {"address": ("libasan.so", "libubsan.so"), "thread": ("libtsan.so",)}
_FLAGS = {
    "address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "thread": ["-fsanitize=thread"],
}
# Python's own allocations outlive it, and its own threads are not compiled for the sanitizer.
_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:ignore_noninstrumented_modules=1:report_signal_unsafe=0",
}


def main() -> int:
    """Run every sanitizer; return 1 if one found something."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=40, help="for each sanitizer")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--sanitizers", default="address,thread")
    options.add_argument("--library", type=Path, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.library:
        return _fuzz(arguments.library, arguments.seed, arguments.seconds)
    sanitizers = arguments.sanitizers.split(",")
    missing = [name for one in sanitizers for name in _RUNTIMES[one] if not _path_of(name)]
    if missing or not usable():
        print(f"skipped: {', '.join(missing) or 'compiled kernels'} not here")
        return 0
    return max(_under(one, arguments.seed, arguments.seconds) for one in sanitizers)


def _under(sanitizer: str, seed: int, seconds: float) -> int:
    variants = {kernels.name: INSTRUCTIONS[kernels.name] for kernels in usable()}
    with tempfile.TemporaryDirectory() as folder:
        library = build(Path(folder), variants, ["-g", *_FLAGS[sanitizer]])
        loaded = ":".join(_path_of(name) for name in _RUNTIMES[sanitizer])
        command = [sys.executable, "-m", "benchmarks.kernels.fuzz", "--library", str(library)]
        command += ["--seed", str(seed), "--seconds", str(seconds)]
        # numpy's own threads have no part in it.
        environment = os.environ | _OPTIONS | {"LD_PRELOAD": loaded, "OMP_NUM_THREADS": "1"}
        code = subprocess.run(command, check=False, env=environment).returncode
    print(f"{sanitizer}: {'nothing found' if code == 0 else f'ended with {code}'}", flush=True)
    return int(code != 0)


def _path_of(runtime: str) -> str:
    """Where the compiler has it; nothing if it has none."""
    compiler = shutil.which("cc")
    if compiler is None:
        return ""
    asked = [compiler, f"-print-file-name={runtime}"]
    found = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    return found if Path(found).is_absolute() else ""


def _fuzz(library: Path, seed: int, seconds: float) -> int:
    every = [kernels for kernels in open_library(library) if kernels.is_supported]
    until, count, runs = time.monotonic() + seconds, 0, 0
    while time.monotonic() < until:
        random = np.random.default_rng(seed + count)
        for kernels in every:
            runs += _one(kernels, random)
        count += 1
    print(f"{', '.join(kernels.name for kernels in every)}: {count} random encoders, {runs} runs", flush=True)
    return 0


def _one(kernels: Kernels, random: np.random.Generator) -> int:
    sizes = native_layouts.random_sizes(random, window=int(random.choice([1, 2, 17, 40, 130, 512])))
    encoder = NativeEncoder(kernels, native_layouts.random_layout(random, sizes))
    longest = native_layouts.some_documents(random, sizes, [sizes.window])
    runs = [longest, *(_documents(random, sizes) for _ in range(3))]
    with ThreadPoolExecutor(3) as pool:
        for documents in runs:
            threads = [int(n) for n in random.integers(1, 6, 3)]
            found = list(pool.map(lambda n, asked=documents: _bits(encoder, asked, n), threads))
            if len(set(found)) != 1:
                raise SystemExit(f"{sizes}: not the same bits with {threads} threads")
        _compare(kernels, random, pool)
        _pieces(kernels, random, pool)
    _refused(encoder, sizes)
    return 3 * len(runs)


def _compare(kernels: Kernels, random: np.random.Generator, pool: ThreadPoolExecutor) -> None:
    """MaxSim of one query against many documents, and packing both, from many threads."""
    bits: Bits = 7 if random.integers(2) else 1
    query, documents = random_case(random, bits)
    compare, by_numpy = NativeCompare(kernels, bits), ByNumpy(bits)
    found = set(pool.map(lambda _: compare(query, documents).tobytes(), range(3)))
    if found != {by_numpy(query, documents).tobytes()}:
        raise SystemExit(f"{query.numbers.shape}, {bits} bits: MaxSim has other bits than numpy's")
    vectors = random_vectors(random, int(random.integers(1, 71)), int(random.integers(1, 500)))
    counted = random.integers(0, 2, len(vectors))
    packed = set(pool.map(lambda _: _packed(compare, vectors, counted), range(3)))
    if packed != {_packed(by_numpy, vectors, counted)}:
        raise SystemExit(f"{vectors.shape}, {bits} bits: packed to other bits than numpy's")


_LETTERS = [*"ab\u2581é東\U0001f389"]


def _pieces(kernels: Kernels, random: np.random.Generator, pool: ThreadPoolExecutor) -> None:
    """Pieces of random vocabularies, which are the library's, from many threads."""
    sizes = random.integers(1, 6, int(random.integers(0, 60)))
    pieces = ["<unk>", *("".join(random.choice(_LETTERS, size)) for size in sizes)]
    scores = [float(score) for score in random.choice([-1.0, -2.0, -3.0, -4.5, -40.0], len(pieces))]
    library = Tokenizer(Unigram(list(zip(pieces, scores, strict=True)), unk_id=0, byte_fallback=False))
    library.pre_tokenizer = Splits([WhitespaceSplit(), Metaspace()])
    finder, content = NativeFinder(kernels), json.dumps(list(zip(pieces, scores, strict=True))).encode()
    finder.table(_damaged(random, content), 0)
    table = finder.table(content, 0)
    if table is None:
        raise SystemExit(f"{content!r} is not read")
    own = finder.pieces(table, unknown=0, at_blanks=True)
    texts = ["".join(random.choice([*_LETTERS, *" \u3000\nx"], size)) for size in random.integers(0, 300, 9)]
    for found, text in zip(pool.map(own.ids, texts), texts, strict=True):
        if found != library.encode(text, add_special_tokens=False).ids:
            raise SystemExit(f"{text!r}: other pieces than the library's")


def _damaged(random: np.random.Generator, content: bytes) -> bytes:
    """Some bytes of a file exchanged, and its end lost."""
    changed = np.frombuffer(content, dtype=np.uint8).copy()
    changed[random.integers(0, len(changed), 3)] = random.choice([*b'"\\[],u.e0\x00\xe6'], 3)
    return changed[: int(random.integers(1, len(changed) + 1))].tobytes()


def _packed(compare: Compare, vectors: Vectors, counted: np.ndarray[Any, np.dtype[np.int64]]) -> bytes:
    (document,) = compare.pack([vectors], [counted], [False])
    query = compare.pack_query(vectors, None)
    return document.data.tobytes() + query.numbers.tobytes() + query.weights.tobytes()


def _documents(random: np.random.Generator, sizes: Sizes) -> list[Document]:
    lengths = random.integers(1, min(sizes.window, 70) + 1, int(random.integers(1, 8)))
    return native_layouts.some_documents(random, sizes, [int(n) for n in lengths])


def _bits(encoder: NativeEncoder, documents: list[Document], threads: int) -> bytes:
    return native_layouts.run(encoder, documents, threads=threads).tobytes()


def _refused(encoder: NativeEncoder, sizes: Sizes) -> None:
    one = np.zeros(1, dtype=np.int64)
    too_long = np.zeros(sizes.window + 1, dtype=np.int64)
    stopped = np.zeros(sizes.window, dtype=np.int64)
    for ids, types, length, flag in (
        (one + VOCABULARY, one, 1, 0),
        (one - 1, one, 1, 0),
        (one, one + sizes.segments, 1, 0),
        (one, one, 0, 0),
        (too_long, too_long, len(too_long), 0),
        (stopped, stopped, len(stopped), 1),
    ):
        try:
            encoder.run(ids, types, np.array([length], dtype=np.int32), StopFlag(flag), threads=2)
        except InferenceError:
            continue
        raise SystemExit(f"{sizes}: {length} tokens {ids[:1]} of segment {types[:1]} were not refused")


if __name__ == "__main__":
    raise SystemExit(main())
