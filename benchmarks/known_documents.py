"""What it saves to keep the vectors of documents between calls: `python -m benchmarks.known_documents --data FOLDER`.

A model without a cache and one with it rank the same documents for another query each time, in turn; the scores must be
identical. The embedded models, since only late interaction reads documents apart from queries.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

from benchmarks.common.own import Own, parser
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table
from localrank import rerank_sync
from localrank_transformers import OnnxReranker

SIZES = (10, 100, 1000)
CACHE_MB = 1024


def main() -> int:
    """Measure."""
    options = parser(__doc__)
    options.add_argument("--repetitions", type=int, default=9)
    arguments = options.parse_args()
    rows, record, same = [], {}, True
    for model in ("localrank-mini", "localrank-tiny"):
        own = Own(argparse.Namespace(**{**vars(arguments), "model": model}))
        for size in SIZES:
            plain, known, held, equal = _measured(own, size, arguments.repetitions)
            rows.append(
                [
                    model,
                    str(size),
                    f"{plain * 1000:.1f}",
                    f"{known * 1000:.1f}",
                    f"{plain / known:.0f} ×",
                    held,
                ]
            )
            record[f"{model} {size}"] = {"plain_s": plain, "known_s": known}
            same = same and equal
        own.close()
    head = ["model", "mixed documents", "ms, read each time", "ms, known", "", "held"]
    write(
        "known_documents",
        "Documents that are known",
        markdown_table(head, rows),
        record,
        folder=arguments.output,
        bars=[Bar("scores of both", "identical", "identical" if same else "different", same)],
    )
    return 0


def _measured(own: Own, size: int, repetitions: int) -> tuple[float, float, str, bool]:
    """Return the median seconds without and with the cache, what it holds, and whether all scores were the same."""
    documents = own.documents("mixed", size).documents
    queries = own.texts.queries[:repetitions]
    with (
        OnnxReranker(own.model_name) as plain,
        OnnxReranker(own.model_name, document_cache_mb=CACHE_MB) as keeping,
    ):
        for model in (plain, keeping):
            rerank_sync(model, "something else", documents)
        times: dict[OnnxReranker, list[float]] = {plain: [], keeping: []}
        same = True
        for query in queries:
            found = []
            for model, taken in times.items():
                started = time.perf_counter()
                result = rerank_sync(model, query, documents)
                taken.append(time.perf_counter() - started)
                found.append([(hit.index, hit.score) for hit in result])
            same = same and found[0] == found[1]
        held = keeping._once.get()[0].family.known.held_bytes
    return median(times[plain]), median(times[keeping]), f"{held / 1e6:.0f} MB", same


if __name__ == "__main__":
    raise SystemExit(main())
