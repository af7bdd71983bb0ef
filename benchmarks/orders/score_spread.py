"""How far the scores of engines lie apart at the same weights, over 1,000 documents.

    python -m benchmarks.orders.score_spread --collections EVAL --runs RUNS

Every engine that runs here scores the same candidates: the embedded int8 graph on ONNX Runtime and, where they can run, on the
compiled kernels, and the same weights in float32 on torch. A result of another processor (`--output` of there) is compared too
where it is passed as `--other`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.common.candidates import spread
from benchmarks.common.options import script_parser
from benchmarks.common.results import RESULTS, write
from benchmarks.common.tables import markdown_table
from localrank import RerankerModel, rerank_sync
from localrank.evaluation import load_beir, read_run
from localrank_transformers import OnnxReranker, TorchReranker
from localrank_transformers.engines.native.library import absence
from localrank_transformers.models import bundled
from localrank_transformers.optimizing.from_bundled import write_float32

DOCUMENTS = 1_000
CANDIDATES = 20

Scores = npt.NDArray[np.float64]


def main() -> None:
    """Score with every engine, compare each two, and write."""
    given = _arguments()
    questions = list(_questions(given.collections, given.runs))
    scores: dict[str, dict[str, Scores]] = {}
    for model in bundled.bundled_names():
        scores[model] = {name: _scored(engine, questions) for name, engine in _engines(model)}
        for other in given.other:
            scores[model] |= _read(other, model)
    rows = [
        _row(model, names, (found[names[0]], found[names[1]]))
        for model, found in scores.items()
        for names in combinations(found, 2)
    ]
    write(
        "score_spread",
        "Scores of the same weights on several engines",
        f"The best {CANDIDATES} candidates of a first stage for each of {len(questions)} questions, "
        f"{DOCUMENTS:,} documents in all. Differences are of scores of 0–1.\n\n"
        + markdown_table(
            [
                "model",
                "engines",
                "median",
                "mean",
                "99 % within",
                "largest",
                "same best of 20",
                "pairs in another order",
                "their largest distance",
            ],
            rows,
            left=2,
        ),
        {
            "scores": {
                model: {name: _written(found) for name, found in each.items()}
                for model, each in scores.items()
            }
        },
        folder=given.output,
    )


def _arguments() -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("--collections", type=Path, required=True, help="a folder of BEIR collections")
    parser.add_argument("--runs", type=Path, required=True, help="a folder with NAME.*.run of each")
    parser.add_argument(
        "--other", type=Path, nargs="*", default=[], help="score_spread.json of other machines"
    )
    parser.add_argument("--output", type=Path, default=RESULTS)
    return parser.parse_args()


def _questions(collections: Path, runs: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield questions with their candidates, the same number of each collection."""
    folders = sorted(path.parent for path in collections.glob("*/corpus.jsonl"))
    wanted = DOCUMENTS // CANDIDATES
    for place, folder in enumerate(folders):
        collection = load_beir(folder)
        run = read_run(next(runs.glob(f"{folder.name}.*.run")))
        long_enough = {
            query: found
            for query, found in run.items()
            if len(found) >= CANDIDATES and query in collection.queries
        }
        count = wanted * (place + 1) // len(folders) - wanted * place // len(folders)
        for query, found in spread(long_enough, count).items():
            yield collection.queries[query], [collection.documents[name] for name, _ in found[:CANDIDATES]]


def _engines(model: str) -> Iterator[tuple[str, RerankerModel]]:
    if absence() is None:
        yield "kernels int8", OnnxReranker(model)
    yield "ONNX Runtime int8", OnnxReranker(model, execution_providers=["CPUExecutionProvider"])
    with tempfile.TemporaryDirectory() as folder:
        write_float32(model, Path(folder))
        yield "torch float32", TorchReranker(folder, dtype="fp32", device="cpu")


def _scored(engine: RerankerModel, questions: Sequence[tuple[str, list[str]]]) -> Scores:
    scores = np.zeros((len(questions), CANDIDATES))
    for place, (query, documents) in enumerate(questions):
        for hit in rerank_sync(engine, query, documents):
            scores[place, hit.index] = hit.score
    return scores


def _written(scores: Scores) -> str:
    return " ".join(f"{score:.5f}" for score in scores.flat)


def _read(path: Path, model: str) -> dict[str, Scores]:
    """Return the scores that were measured on another machine, its processor before the name of each engine."""
    record = json.loads(path.read_text("utf-8"))
    return {
        f"{record['machine']['cpu']}: {name}": np.array(text.split(), np.float64).reshape(-1, CANDIDATES)
        for name, text in record["scores"][model].items()
    }


def _row(model: str, names: tuple[str, str], both: tuple[Scores, Scores]) -> list[str]:
    one, other = both
    apart = np.abs(one - other)
    swapped, distances = _swapped(one, other)
    figures: list[Any] = [np.median(apart), apart.mean(), np.quantile(apart, 0.99), apart.max()]
    best = np.mean(one.argmax(axis=1) == other.argmax(axis=1))
    return [
        model,
        f"{names[0]}, {names[1]}",
        *(f"{figure:.4f}" for figure in figures),
        f"{best:.0%}",
        f"{swapped:.2%}",
        f"{distances:.4f}",
    ]


def _swapped(one: Scores, other: Scores) -> tuple[float, float]:
    """Return the share of pairs of a question that the engines order differently, and the largest distance of such a pair."""
    left, right = np.triu_indices(CANDIDATES, 1)
    first, second = one[:, left] - one[:, right], other[:, left] - other[:, right]
    differs = first * second < 0
    return float(differs.mean()), float(np.abs(first[differs]).max(initial=0.0))


if __name__ == "__main__":
    main()
