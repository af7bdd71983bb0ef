"""Does anything here answer: best scores with and without the relevant documents: `python -m benchmarks.orders.answers`.

Each query whose candidates hold a relevant document gives two lists: its candidates, and the same without what is judged
relevant. The least score is fitted on the collections of `--choose`, all their lists together, and measured as it stands on
those of `--state`. Candidates are BM25's best, or for a collection of `--pools` the judged documents of each query.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.common.options import script_parser
from benchmarks.common.results import RESULTS, write
from benchmarks.common.tables import markdown_table
from localrank.evaluation import (
    AnswerFigures,
    BestScores,
    answer_figures,
    best_scores,
    evaluate_sync,
    load_beir,
)
from localrank_transformers import OnnxReranker


def main() -> int:
    """Rank, fit, measure, write."""
    arguments = _arguments()
    models = {name: OnnxReranker(name, document_cache_mb=arguments.cache_mb) for name in arguments.model}
    scores = {name: _of_collection(name, models, arguments) for name in (*arguments.choose, *arguments.state)}
    rows: list[list[object]] = []
    found: list[dict[str, object]] = []
    for system in ("bm25", *models):
        for allowed in arguments.allowed:
            chosen = _together([scores[name][system] for name in arguments.choose if system in scores[name]])
            fitted = answer_figures(system, chosen, allowed=allowed)
            rows.append(_row(system, "chosen on: " + ", ".join(arguments.choose), fitted))
            found.append({"collections": arguments.choose, **asdict(fitted)})
            for name in arguments.state:
                if system in scores[name] and fitted.threshold is not None:
                    stated = answer_figures(
                        system, scores[name][system], allowed=allowed, threshold=fitted.threshold
                    )
                    rows.append(_row(system, name, stated))
                    found.append({"collections": [name], **asdict(stated)})
    write(
        arguments.name,
        "Does anything here answer",
        _text(rows, arguments),
        {"rows": found},
        folder=arguments.output,
    )
    return 0


def _arguments() -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of collections in the BEIR layout")
    parser.add_argument("--model", action="append", default=[], help="an embedded model; may be repeated")
    parser.add_argument("--choose", type=lambda text: text.split(","), required=True, metavar="A,B")
    parser.add_argument("--state", type=lambda text: text.split(","), required=True, metavar="A,B")
    parser.add_argument("--pools", type=lambda text: text.split(","), default=["wikiqa"])
    parser.add_argument("--allowed", type=float, nargs="+", default=[0.1, 0.3])
    parser.add_argument("--candidates", type=int, default=30)
    parser.add_argument("--queries", type=int, help="at most so many a collection")
    parser.add_argument("--cache-mb", type=int, default=4000)
    parser.add_argument("--journal", type=Path, help="folder where rankings are kept, to go on later")
    parser.add_argument("--name", default="answers", help="of the files that are written")
    parser.add_argument("--output", type=Path, default=RESULTS)
    return parser.parse_args()


def _of_collection(
    name: str, models: Mapping[str, OnnxReranker], arguments: argparse.Namespace
) -> dict[str, BestScores]:
    evaluation = evaluate_sync(
        models,
        load_beir(arguments.data / name),
        first_stage="judged" if name in arguments.pools else "bm25",
        candidates=None if name in arguments.pools else arguments.candidates,
        queries=arguments.queries,
        journal=None if arguments.journal is None else arguments.journal / f"{name}.jsonl",
        on_progress=lambda event: print(name, event.model, event.done, event.total, file=sys.stderr),
    )
    systems = [system for system in evaluation.systems if system.score_kind != "ordinal"]
    return {system.name: best_scores(evaluation, system) for system in systems}


def _together(scores: list[BestScores]) -> BestScores:
    return BestScores(
        tuple(score for one in scores for score in one.answerable),
        tuple(score for one in scores for score in one.unanswerable),
    )


def _row(system: str, where: str, figures: AnswerFigures) -> list[object]:
    least = "none" if figures.threshold is None else f"{figures.threshold:.3g}"
    return [
        system,
        where,
        figures.queries,
        figures.auroc,
        figures.false_accept_at,
        f"{figures.allowed:.0%}",
        least,
        figures.true_accept,
        figures.false_accept,
    ]


def _text(rows: list[list[object]], arguments: argparse.Namespace) -> str:
    head = [
        *("system", "lists of", "queries", "AUROC", "false accept at 90 %"),
        *("fitted for", "least score", "accepts with an answer", "accepts without"),
    ]
    return (
        f"{arguments.candidates} candidates of BM25, or the judged ones of a query ({', '.join(arguments.pools)}); "
        f"{arguments.queries or 'all'} queries a collection. 95 % bootstrap intervals over the queries. "
        "A list without an answer has no document that is judged relevant; one that nobody judged may answer all the same.\n\n"
        + markdown_table(head, rows, left=2)
    )


if __name__ == "__main__":
    sys.exit(main())
