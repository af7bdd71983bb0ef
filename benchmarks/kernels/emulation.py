"""Whether kernels that this processor cannot run give the bits of those that it can: `python -m benchmarks.kernels.emulation`.

Their sources are compiled as they are, with AVX-512's and AVX-VNNI's instructions in AVX2's (`emulated/immintrin.h`), and run
over random encoders, random token vectors and the embedded models. Needs SIMDe's headers (Debian: `libsimde-dev`) and gcc. It
says nothing of speed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.kernels.building import build
from benchmarks.kernels.cases import embedded_rows
from localrank_transformers.engines.native.agreement import recorded, sum_of_bits
from localrank_transformers.engines.native.encoder import NativeEncoder, StopFlag
from localrank_transformers.engines.native.layout import NativeLayout
from localrank_transformers.engines.native.library import Kernels, open_library, usable
from localrank_transformers.engines.native.maxsim import NativeCompare
from localrank_transformers.families.late.known.packed import (
    Bits,
    ByNumpy,
    Compare,
    PackedDocument,
    PackedQuery,
)
from localrank_transformers.models import bundled
from tests.support import native_layouts
from tests.support.token_vectors import Vectors, random_case, random_vectors

_HEADERS = Path(__file__).with_name("emulated")
_OPTIONS = ["-mavx2", "-mfma", f"-I{_HEADERS}", "-Wno-unused-function", "-Wno-unused-parameter", "-Wno-psabi"]
_VARIANTS = {"avx512": [*_OPTIONS, "-DEMULATE_AVX512"], "avxvnni": [*_OPTIONS, "-DEMULATE_AVXVNNI"]}


def main() -> int:
    """Compare; return 1 if a bit differs."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--encoders", type=int, default=200)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--data", type=Path, help="folder of BEIR collections, for the embedded models")
    options.add_argument("--documents", type=int, default=200)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        emulated = open_library(build(Path(folder), _VARIANTS))
        native, *others = usable()
        print(f"{native.name} against {', '.join(f'{one.name} (emulated)' for one in emulated)}")
        failed = _random(arguments.seed, arguments.encoders, native, [*others, *emulated])
        failed += _compared(arguments.seed, 5 * arguments.encoders, [native, *others, *emulated])
        if arguments.data:
            failed += _embedded(arguments.data, arguments.documents, native, [*others, *emulated])
        for kernels in (native, *others, *emulated):
            failed += sum(sum_of_bits(kernels, model) != bits for model, bits in recorded().items())
    print("every bit is the same" if not failed else f"{failed} runs differ")
    return int(failed > 0)


def _random(seed: int, count: int, native: Kernels, others: Sequence[Kernels]) -> int:
    failed = numbers = 0
    for at in range(seed, seed + count):
        random = np.random.default_rng(at)
        sizes = native_layouts.random_sizes(random, window=int(random.integers(1, 200)))
        layout = native_layouts.random_layout(random, sizes)
        lengths = [int(n) for n in random.integers(1, sizes.window + 1, random.integers(1, 6))]
        documents = native_layouts.some_documents(random, sizes, lengths)
        expected = native_layouts.run(NativeEncoder(native, layout), documents)
        numbers += expected.size
        if not np.isfinite(expected).all():
            raise SystemExit(f"encoder {at}: not finite")
        for kernels in others:
            encoder = NativeEncoder(kernels, layout)
            for threads in (1, 3):
                found = native_layouts.run(encoder, documents, threads=threads)
                if found.tobytes() != expected.tobytes():
                    failed += 1
                    print(f"encoder {at} {sizes} {lengths}: {kernels.name} with {threads} threads differs")
    print(f"{count} random encoders, {numbers} numbers")
    return failed


def _compared(seed: int, count: int, every: Sequence[Kernels]) -> int:
    """MaxSim against numpy's bits."""
    failed = 0
    for at in range(seed, seed + count):
        bits: Bits = 7 if at % 2 else 1
        random = np.random.default_rng(at)
        query, documents = random_case(random, bits)
        vectors = random_vectors(random, int(random.integers(1, 71)), int(random.integers(1, 500)))
        expected = _late(ByNumpy(bits), query, documents, vectors)
        differ = [
            one.name
            for one in every
            if _late(NativeCompare(one, bits), query, documents, vectors) != expected
        ]
        if differ:
            failed += len(differ)
            print(f"MaxSim {at}: {', '.join(differ)}: other bits than numpy's")
    print(f"{count} random queries compared with documents")
    return failed


def _late(
    compare: Compare, query: PackedQuery, documents: Sequence[PackedDocument], vectors: Vectors
) -> bytes:
    """Everything that is computed of token vectors."""
    asked, (packed,) = compare.pack_query(vectors, None), compare.pack([vectors], [None], [False])
    arrays = (compare(query, documents), asked.numbers, asked.weights, packed.data)
    return b"".join(array.tobytes() for array in arrays)


def _embedded(data: Path, documents: int, native: Kernels, others: Sequence[Kernels]) -> int:
    failed = 0
    for name in bundled.bundled_names():
        layout, rows = embedded_rows(name, list(_texts(data, documents)))
        expected = _vectors(native, layout, rows)
        for kernels in others:
            found = _vectors(kernels, layout, rows)
            differ = sum(one != other for one, other in zip(found, expected, strict=True))
            print(
                f"{name}, {len(rows)} texts of {sum(map(len, rows))} tokens, {kernels.name}: {differ} differ"
            )
            failed += differ
    return failed


def _vectors(kernels: Kernels, layout: NativeLayout, rows: Sequence[Sequence[int]]) -> list[bytes]:
    encoder = NativeEncoder(kernels, layout)
    found = []
    for row in rows:
        ids = np.array(row, dtype=np.int64)
        lengths = np.array([len(row)], dtype=np.int32)
        found.append(encoder.run(ids, np.zeros_like(ids), lengths, StopFlag(0)).tobytes())
    return found


def _texts(data: Path, count: int) -> Iterator[str]:
    corpora = sorted(data.glob("*/corpus.jsonl"))
    for corpus in corpora:
        with corpus.open(encoding="utf-8") as lines:
            for _, line in zip(range(count // len(corpora)), lines, strict=False):
                yield json.loads(line)["text"]


if __name__ == "__main__":
    raise SystemExit(main())
