"""What it costs that documents are longer than the window: 20 documents of 100 kB against the same ones cut beforehand.

`python -m benchmarks.calls.long_documents --data FOLDER`. The calls alternate; the difference is of whole calls, and the
scores of both must be identical.
"""

from __future__ import annotations

import random
import time
from statistics import median

from benchmarks.common.own import Own, parser
from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table
from localrank import rerank_sync
from localrank_transformers import OnnxReranker

DOCUMENTS = 20
CHARACTERS = 100_000
KEPT_TOKENS = 600
"""More than the window of 512, so that the model reads the same tokens of both."""


def main() -> int:
    """Measure."""
    options = parser(__doc__)
    options.add_argument("--repetitions", type=int, default=15)
    arguments = options.parse_args()
    own = Own(arguments)
    query = own.texts.queries[0]
    long = [_long_document(own.texts.documents, number) for number in range(DOCUMENTS)]
    cut = [_cut(own, text) for text in long]
    model = own.model()
    same = _scores(model, query, long)[1] == _scores(model, query, cut)[1]
    pairs = [
        (_scores(model, query, long)[0], _scores(model, query, cut)[0]) for _ in range(arguments.repetitions)
    ]
    model.close()
    own.close()
    more = median(whole - short for whole, short in pairs)
    rows = [
        [
            f"{DOCUMENTS} documents of {CHARACTERS // 1000} kB",
            f"{median(whole for whole, _ in pairs) * 1000:.1f}",
        ],
        ["the same, cut beforehand", f"{median(short for _, short in pairs) * 1000:.1f}"],
        ["difference of neighbouring calls", f"{more * 1000:.1f}"],
    ]
    bars = [
        Bar("more than pre-cut", "≤ 20 ms", f"{more * 1000:.1f} ms", more <= 0.02),
        Bar("scores of both", "identical", "identical" if same else "different", same),
    ]
    write(
        "long_documents",
        "Documents longer than the window",
        f"{own.text}.\n\n{markdown_table(['median ms a call', ''], rows)}",
        {"seconds": pairs, "same_scores": same},
        folder=arguments.output,
        bars=bars,
    )
    return 0


def _long_document(texts: list[str], number: int) -> str:
    dice = random.Random(number)  # noqa: S311 - sampling, no secret
    parts: list[str] = []
    while sum(map(len, parts)) < CHARACTERS:
        parts.append(dice.choice(texts))
    return "\n".join(parts)[:CHARACTERS]


def _cut(own: Own, text: str) -> str:
    start = text[: KEPT_TOKENS * 16]
    return start[: own.spans(start)[KEPT_TOKENS - 1][1]]


def _scores(model: OnnxReranker, query: str, documents: list[str]) -> tuple[float, list[float]]:
    started = time.perf_counter()
    result = rerank_sync(model, query, documents)
    seconds = time.perf_counter() - started
    return seconds, [one.score for one in sorted(result, key=lambda one: one.index)]


if __name__ == "__main__":
    raise SystemExit(main())
