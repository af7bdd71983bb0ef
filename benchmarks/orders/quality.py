"""Ranking quality of the precisions against each other and against the first stages: `python -m benchmarks.orders.quality`.

Every collection below `--data` with a run `NAME.*.run` below `--runs` is reranked in each precision: nDCG@10, and how far int8
and refined agree with float32 (same first place, overlap of the best 10). On `--paragraphs`, a collection with one right
paragraph a query, the model is held against its first stages, the run and BM25, with paired 95 % bootstrap intervals.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.common.candidates import TOP, Ranking, bm25, judged, ndcg, reranked, spread
from benchmarks.common.options import script_parser
from benchmarks.common.results import RESULTS, Bar, write
from benchmarks.common.statistics import Interval, paired_difference
from benchmarks.common.tables import markdown_table
from localrank import RerankError, rerank_sync
from localrank.evaluation import Collection, load_beir, read_run
from localrank_transformers import OnnxReranker

FIRST_STAGE = "first stage"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a precision ranks as float32 does, over the queries of a collection."""

    queries: int
    same_first: float
    overlap: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One collection.

    Attributes:
        queries: How many were ranked.
        means: nDCG@10 by precision, and of the first stage.
        agreements: With float32, by precision.
    """

    queries: int
    means: Mapping[str, float]
    agreements: Mapping[str, Agreement]


def main() -> int:
    """Measure agreement and quality on every collection, then the right paragraph."""
    arguments = _arguments()
    models = _models(arguments)
    found: dict[str, Measured] = {}
    bars: list[Bar] = []
    data: dict[str, Any] = {}
    for folder in sorted(path.parent for path in arguments.data.glob("*/corpus.jsonl")):
        name = folder.name
        runs = sorted(arguments.runs.glob(f"{name}.*.run"))
        if not runs or (arguments.collections and name not in arguments.collections):
            continue
        collection = load_beir(folder)
        candidates = spread(judged(read_run(runs[0]), collection), arguments.queries)
        rankings = _rank_all(models, collection, candidates)
        means = {kind: fmean(ndcg(collection.judgements, own).values()) for kind, own in rankings.items()}
        found[name] = one = Measured(len(candidates), means, _agreements(rankings))
        bars += _collection_bars(name, one.agreements, means)
        agreement = {kind: asdict(agreed) for kind, agreed in one.agreements.items()}
        data[name] = {"ndcg": means, "agreement": agreement}
        if name == arguments.paragraphs:
            paragraph_bars, data["right paragraph"] = _right_paragraph(models, collection, rankings)
            bars += paragraph_bars
    stated = f"{arguments.model or 'the embedded model'}; candidates: the runs in {arguments.runs.name}/."
    text = f"{stated}\n\n{_tables(found, _kinds(models))}"
    write("quality", "Ranking quality", text, data, folder=arguments.output, bars=bars)
    return 0


def _tables(found: Mapping[str, Measured], kinds: Sequence[str]) -> str:
    quality = [
        [name, str(one.queries), *(f"{one.means[kind]:.4f}" if kind in one.means else "–" for kind in kinds)]
        for name, one in found.items()
    ]
    agreement = [
        [name, kind, f"{agreed.same_first:.2%}", f"{agreed.overlap:.4f}"]
        for name, one in found.items()
        for kind, agreed in one.agreements.items()
    ]
    return "\n\n".join(
        [
            markdown_table(["nDCG@10", "queries", *kinds], quality),
            markdown_table(
                ["against fp32", "precision", "same first place", f"top-{TOP} overlap"], agreement, left=2
            ),
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("--model", help="a folder; the embedded model if left out")
    parser.add_argument("--data", type=Path, required=True, help="folder of collections in the BEIR layout")
    parser.add_argument("--runs", type=Path, required=True, help="folder of TREC runs, NAME.ANYTHING.run")
    parser.add_argument("--collections", type=lambda text: text.split(","), default=[])
    parser.add_argument("--queries", type=int, help="at most so many a collection, spread over the run")
    parser.add_argument(
        "--precisions", type=lambda text: text.split(","), default=["fp32", "int8", "refined"]
    )
    parser.add_argument(
        "--paragraphs", default="squad_heldout", help="the collection with one right document a query"
    )
    parser.add_argument("--output", type=Path, default=RESULTS)
    return parser.parse_args()


def _models(arguments: argparse.Namespace) -> dict[str, OnnxReranker]:
    models = {}
    for precision in arguments.precisions:
        try:
            model = OnnxReranker(arguments.model, precision=precision)
            rerank_sync(model, "warm", ["up"])
        except RerankError as error:
            print(f"{precision}: not measured: {error}", file=sys.stderr)
            continue
        models[precision] = model
    return models


def _kinds(models: Mapping[str, OnnxReranker]) -> list[str]:
    return [FIRST_STAGE, *models]


def _rank_all(
    models: Mapping[str, OnnxReranker], collection: Collection, candidates: Mapping[str, Ranking]
) -> dict[str, dict[str, Ranking]]:
    rankings: dict[str, dict[str, Ranking]] = {FIRST_STAGE: dict(candidates)}
    for precision, model in models.items():
        started = time.perf_counter()
        rankings[precision] = reranked(model, precision, collection, candidates)
        print(f"{collection.name} {precision}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return rankings


def _agreements(rankings: Mapping[str, Mapping[str, Ranking]]) -> dict[str, Agreement]:
    exact = rankings.get("fp32")
    if exact is None:
        return {}
    return {
        kind: _agreement(exact, ranking)
        for kind, ranking in rankings.items()
        if kind not in {"fp32", FIRST_STAGE}
    }


def _agreement(exact: Mapping[str, Ranking], other: Mapping[str, Ranking]) -> Agreement:
    firsts = [ranking[0][0] == other[query][0][0] for query, ranking in exact.items()]
    overlaps = [
        len(_best(ranking) & _best(other[query])) / len(_best(ranking)) for query, ranking in exact.items()
    ]
    return Agreement(len(firsts), fmean(firsts), fmean(overlaps))


def _best(ranking: Ranking) -> set[str]:
    return {document for document, _ in ranking[:TOP]}


def _collection_bars(name: str, agreements: Mapping[str, Agreement], means: Mapping[str, float]) -> list[Bar]:
    bars = []
    refined = agreements.get("refined")
    if refined is not None:
        first, overlap = refined.same_first, refined.overlap
        bars += [
            Bar(f"{name}: refined, same first place as fp32", "≥ 99.5 %", f"{first:.2%}", first >= 0.995),
            Bar(f"{name}: refined, top-{TOP} overlap with fp32", "≥ 0.99", f"{overlap:.4f}", overlap >= 0.99),
        ]
    if {"int8", "fp32"} <= means.keys():
        change = means["int8"] - means["fp32"]
        bars.append(
            Bar(f"{name}: int8, nDCG@10 against fp32", "within 0.005", f"{change:+.4f}", abs(change) <= 0.005)
        )
    return bars


def _right_paragraph(
    models: Mapping[str, OnnxReranker], collection: Collection, rankings: Mapping[str, Mapping[str, Ranking]]
) -> tuple[list[Bar], dict[str, dict[str, float]]]:
    """Hold each precision against both first stages, each over that stage's own best 50."""
    queries = list(rankings[FIRST_STAGE])
    lexical = bm25(collection, queries)
    bars, data = [], {}
    for precision, model in models.items():
        ours = {
            "the run": rankings[precision],
            "BM25": reranked(model, precision, collection, lexical),
        }
        for stage, theirs in (("the run", rankings[FIRST_STAGE]), ("BM25", lexical)):
            mine = _firsts(collection, queries, ours[stage])
            other = _firsts(collection, queries, theirs)
            interval = paired_difference(mine, other)
            data[f"{precision} over {stage}"] = {
                "ours": fmean(mine),
                "stage": fmean(other),
                **asdict(interval),
            }
            bars.append(
                _paragraph_bar(collection.name, precision, stage, (fmean(mine), fmean(other)), interval)
            )
    return bars, data


def _paragraph_bar(
    name: str, precision: str, stage: str, means: tuple[float, float], interval: Interval
) -> Bar:
    measured = f"{means[0]:.3f} against {means[1]:.3f}: {interval.mean:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"
    return Bar(
        f"{name}: {precision}, right document first, over the best 50 of {stage}",
        "interval > 0",
        measured,
        interval.low > 0,
    )


def _firsts(collection: Collection, queries: Sequence[str], rankings: Mapping[str, Ranking]) -> list[float]:
    return [float(collection.judgements[query].get(rankings[query][0][0], 0) > 0) for query in queries]


if __name__ == "__main__":
    raise SystemExit(main())
