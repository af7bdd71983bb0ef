"""What it saves to keep the vectors of documents between calls: `python -m benchmarks.known.known_documents --data FOLDER`.

The embedded models rank documents of 120 and of 354 tokens for another query each time: one model reads them each time, another
knows them. Every bar is of figures of one run. What comparing could cost at the least is measured beside it: reading the same
vectors from memory once, in one thread. Processor time counts on a machine that others use, too; the table has both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from benchmarks.common.own import Own, parser
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table
from localrank import rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.engines.native.maxsim import fastest_compare
from localrank_transformers.families.late.known.packed import PackedDocument, pack_query

TOKENS = (120, 354)
SIZES = (10, 100, 1000)
FRESH = 100
"""Documents up to which they are read anew as well: a thousand take half a minute."""

CACHE_MB = 2048
MEMORY_READS = 9


@dataclass(frozen=True, slots=True)
class Measured:
    """One model, length and number of documents; times in milliseconds, medians of a whole call.

    Attributes:
        known_ms: Where all are known.
        known_cpu_ms: Processor time of that, all threads together.
        fresh_ms: Where all are read, None if not measured.
        compare_us: Processor time of comparing one document alone, for the query's number of tokens.
        memory_us: Of reading one document's vectors from memory.
        held_mb: What a known document takes.
        same: Whether the scores of both had the same bits.
    """

    model: str
    tokens: int
    documents: int
    known_ms: float
    known_cpu_ms: float
    fresh_ms: float | None
    compare_us: float
    memory_us: float
    held_mb: float
    same: bool


def main() -> int:
    """Measure."""
    options = parser(__doc__)
    options.add_argument("--repetitions", type=int, default=9)
    arguments = options.parse_args()
    found: list[Measured] = []
    for model in ("localrank-mini", "localrank-tiny"):
        own = Own(type(arguments)(**{**vars(arguments), "model": model}))
        for tokens in TOKENS:
            found += _measured(own, tokens, arguments.repetitions)
        own.close()
    write(
        "known_documents",
        "Documents that are known",
        _table(found),
        {"rows": [asdict(one) for one in found]},
        folder=arguments.output,
        bars=_bars(found),
    )
    return 0


def _measured(own: Own, tokens: int, repetitions: int) -> list[Measured]:
    texts = own.full_documents(max(SIZES), tokens).documents
    queries = own.texts.queries[:repetitions]
    with (
        OnnxReranker(own.model_name) as plain,
        OnnxReranker(own.model_name, document_cache_mb=CACHE_MB) as keeping,
    ):
        rerank_sync(plain, "warm", ["up"])
        rerank_sync(keeping, "something else", texts)
        memory = keeping._once.get()[0].family.known.memory
        documents = list(memory._documents.values())[-max(SIZES) :]
        compare_us, memory_us = _limits(documents, _query_tokens(keeping, queries))
        rows = []
        for size in SIZES:
            known, cpu, scores = _times(keeping, queries, texts[:size])
            fresh, expected = None, scores
            if size <= FRESH:
                fresh, _, expected = _times(plain, queries, texts[:size])
            rows.append(
                Measured(
                    own.model_name or "",
                    tokens,
                    size,
                    known,
                    cpu,
                    fresh,
                    compare_us,
                    memory_us,
                    memory.held_bytes / len(memory) / 1e6,
                    scores == expected,
                )
            )
    return rows


def _times(
    model: OnnxReranker, queries: Sequence[str], texts: Sequence[str]
) -> tuple[float, float, list[Any]]:
    """Return the median milliseconds of a call, those of the processor, and all scores."""
    wall, cpu, scores = [], [], []
    for query in queries:
        started, used = time.perf_counter(), time.process_time()
        result = rerank_sync(model, query, texts)
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
        scores.append([(hit.index, hit.score) for hit in result])
    return median(wall) * 1000, median(cpu) * 1000, scores


def _query_tokens(model: OnnxReranker, queries: Sequence[str]) -> int:
    family = model._once.get()[0].family
    return int(median(len(family.tokenizer.query(query).ids) for query in queries))


def _limits(documents: Sequence[PackedDocument], asked: int) -> tuple[float, float]:
    """Return the processor's microseconds a document to compare it with `asked` tokens, and to read it from memory."""
    width = documents[0].data.nbytes // documents[0].tokens - 8
    random = np.random.default_rng(0)
    query, compare = pack_query(random.standard_normal((asked, width)).astype(np.float32)), fastest_compare()
    everything = np.concatenate([one.data[: len(one.data) // 8 * 8] for one in documents]).view(np.uint64)
    compared = _least(lambda: compare(query, documents))
    return compared / len(documents) * 1e6, _least(everything.sum) / len(documents) * 1e6


def _least(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(MEMORY_READS):
        started = time.thread_time()
        work()
        seconds.append(time.thread_time() - started)
    return min(seconds)


def _table(found: Sequence[Measured]) -> str:
    rows = [
        [
            one.model,
            str(one.tokens),
            str(one.documents),
            "–" if one.fresh_ms is None else f"{one.fresh_ms:.1f}",
            f"{one.known_ms:.1f}",
            f"{one.known_cpu_ms:.1f}",
            "–" if one.fresh_ms is None else f"{one.fresh_ms / one.known_ms:.0f} ×",
            f"{one.compare_us:.1f}",
            f"{one.memory_us:.1f}",
            f"{one.held_mb:.3f}",
        ]
        for one in found
    ]
    head = ["model", "tokens", "documents", "ms, read", "ms, known", "CPU ms, known", ""]
    return markdown_table([*head, "µs to compare one", "µs to read its memory", "MB each"], rows)


def _bars(found: Sequence[Measured]) -> list[Bar]:
    """The embedded model's, and the bits of both."""
    of = {(one.model, one.tokens, one.documents): one for one in found}
    hundred, thousand, long = (of["localrank-mini", *key] for key in ((120, 100), (120, 1000), (354, 1000)))
    per_document = long.known_cpu_ms / long.documents
    ratio = long.compare_us / long.memory_us
    faster = (hundred.fresh_ms or 0) / hundred.known_ms
    return [
        Bar("100 of 120 tokens against reading them", "≥ 100 ×", f"{faster:.0f} ×", faster >= 100),
        Bar("100 known of 120 tokens", "≤ 4 ms", f"{hundred.known_ms:.1f} ms", hundred.known_ms <= 4),
        Bar("1,000 known of 120 tokens", "≤ 30 ms", f"{thousand.known_ms:.1f} ms", thousand.known_ms <= 30),
        Bar("CPU a document of 354 tokens", "≤ .035 ms", f"{per_document:.4f} ms", per_document <= 0.035),
        Bar("comparing against reading the memory once", "≤ 1.5 ×", f"{ratio:.1f} ×", ratio <= 1.5),
        Bar("memory a document of 354 tokens", "≤ .14 MB", f"{long.held_mb:.3f} MB", long.held_mb <= 0.14),
        Bar(
            "scores of both",
            "identical",
            "identical" if all(one.same for one in found) else "different",
            all(one.same for one in found),
        ),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
