"""How good an embedded model is on every collection, over both first stages: `python -m benchmarks.embedded.measuring.measure`.

nDCG@10 of the first stage and of each model in each precision, over the 50 best of the run `NAME.*.run` and of BM25. A
collection named in `--pools` is measured over its run only: that is the judged pool of each query. The intervals are 95 %
bootstrap percentile intervals over queries; that of a change is paired.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.common.candidates import Ranking, bm25, judged, ndcg, reranked, spread
from benchmarks.common.options import script_parser
from benchmarks.common.results import RESULTS, write
from benchmarks.common.statistics import Interval, paired_difference
from benchmarks.common.tables import markdown_table
from benchmarks.embedded.measuring.bars import Measured, bars_of
from localrank.evaluation import Collection, load_beir, read_run
from localrank_transformers import OnnxReranker


def main() -> int:
    """Measure, print, write."""
    arguments = _arguments()
    models = _models(arguments)
    rows: list[Measured] = []
    for folder in sorted(path.parent for path in arguments.data.glob("*/corpus.jsonl")):
        if arguments.collections and folder.name not in arguments.collections:
            continue
        runs = sorted(arguments.runs.glob(f"{folder.name}.*.run"))
        if runs:
            rows += _collection(load_beir(folder), runs[0], models, arguments)
    text = f"At most {arguments.queries or 'all'} queries a collection, spread over it.\n\n{tables(rows)}"
    write(
        arguments.name,
        "How good the embedded model is",
        text,
        {"rows": [asdict(row) for row in rows]},
        folder=arguments.output,
        bars=bars_of(rows),
    )
    return 0


def _arguments() -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument(
        "--model", action="append", required=True, metavar="NAME=FOLDER", help="repeat it to compare several"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of collections in the BEIR layout")
    parser.add_argument("--runs", type=Path, required=True, help="folder of TREC runs, NAME.ANYTHING.run")
    parser.add_argument("--precisions", type=lambda text: text.split(","), default=["fp32", "int8"])
    parser.add_argument("--collections", type=lambda text: text.split(","), default=[])
    parser.add_argument("--stages", type=lambda text: text.split(","), default=["run", "BM25"])
    parser.add_argument("--pools", type=lambda text: text.split(","), default=["wikiqa"])
    parser.add_argument("--queries", type=int, help="at most so many a collection")
    parser.add_argument("--name", default="embedded_quality", help="of the files that are written")
    parser.add_argument("--output", type=Path, default=RESULTS)
    return parser.parse_args()


def _models(arguments: argparse.Namespace) -> dict[tuple[str, str], OnnxReranker]:
    named = (text.split("=", 1) for text in arguments.model)
    return {
        (name, precision): OnnxReranker(folder, precision=precision)
        for name, folder in named
        for precision in arguments.precisions
    }


def _collection(
    collection: Collection,
    run: Path,
    models: Mapping[tuple[str, str], OnnxReranker],
    arguments: argparse.Namespace,
) -> list[Measured]:
    chosen = spread(judged(read_run(run), collection), arguments.queries)
    stages: dict[str, dict[str, Ranking]] = {}
    if "run" in arguments.stages:
        stages["run"] = chosen
    if "BM25" in arguments.stages and collection.name not in arguments.pools:
        stages["BM25"] = bm25(collection, list(chosen))
    rows = []
    for stage, candidates in stages.items():
        first = list(ndcg(collection.judgements, candidates).values())
        for (name, precision), model in models.items():
            started = time.perf_counter()
            ranked = reranked(model, precision, collection, candidates)
            ours = list(ndcg(collection.judgements, ranked).values())
            rows.append(_measured(collection.name, stage, f"{name} {precision}", first, ours))
            print(
                f"{collection.name} {stage} {name} {precision}: {fmean(first):.4f} → {fmean(ours):.4f} "
                f"in {time.perf_counter() - started:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return rows


def _measured(
    collection: str, stage: str, model: str, first: Sequence[float], ours: Sequence[float]
) -> Measured:
    zeros = [0.0] * len(ours)
    return Measured(
        collection,
        stage,
        model,
        len(ours),
        paired_difference(first, zeros, samples=2_000),
        paired_difference(ours, zeros, samples=2_000),
        paired_difference(ours, first, samples=2_000),
    )


def tables(rows: Sequence[Measured]) -> str:
    """Return one Markdown table a first stage."""
    parts = []
    for stage in dict.fromkeys(row.stage for row in rows):
        models = list(dict.fromkeys(row.model for row in rows if row.stage == stage))
        own = [row for row in rows if row.stage == stage]
        names = dict.fromkeys(row.collection for row in own)
        lines = [_line([row for row in own if row.collection == name]) for name in names]
        parts.append(f"Over the best 50 of {'BM25' if stage == 'BM25' else 'the run'}:")
        parts.append(markdown_table(["nDCG@10", "queries", "first stage", *models], lines))
    return "\n\n".join(parts)


def _line(rows: Sequence[Measured]) -> list[Any]:
    one = rows[0]
    cells = [f"{row.value.mean:.4f} ({row.change.low:+.3f} to {row.change.high:+.3f})" for row in rows]
    return [one.collection, one.queries, f"{one.first.mean:.4f} ± {_half(one.first):.3f}", *cells]


def _half(interval: Interval) -> float:
    return (interval.high - interval.low) / 2


if __name__ == "__main__":
    raise SystemExit(main())
