"""Does fusing the embedded model with the retriever's own scores rank better than either alone?

    python -m benchmarks.orders.fusion_quality --data FOLDER [--runs FOLDER] [--queries N] [--cache FILE]

FOLDER holds collections in the BEIR layout; the runs folder (`../runs` beside it by default) TREC runs named
`COLLECTION.*.run`. Every candidate of a run is scored once and kept in `--cache`, so that a second run is quick. The measure
is nDCG@10 of ir-measures over the run's queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean
from tempfile import gettempdir

import anyio

from benchmarks.common.candidates import Ranking, ndcg
from benchmarks.common.options import script_parser
from benchmarks.common.results import write
from benchmarks.common.statistics import paired_difference
from benchmarks.common.tables import markdown_table
from localrank import Cached, Fused, RerankerModel, Retrieved, SQLiteStore, rerank
from localrank.evaluation import Collection, load_beir, read_run
from localrank_transformers import OnnxReranker

WEIGHTS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""The embedded model's share; the rest is the retriever's."""


@dataclass(frozen=True, slots=True)
class Task:
    """One collection with the candidates of its first stage."""

    collection: Collection
    run: dict[str, list[tuple[str, float]]]


def systems(embedded: RerankerModel) -> Mapping[str, RerankerModel]:
    """Return every system by the name it has in the table."""
    made: dict[str, RerankerModel] = {"first stage": Retrieved(), "embedded": embedded}
    both = [embedded, Retrieved()]
    for weights in ((1, 1), (2, 1), (4, 1)):
        made[f"rrf {weights[0]}:{weights[1]}"] = Fused(both, weights=weights)
    for scale in ("z", "min-max", None):
        for weight in WEIGHTS:
            made[f"weighted {scale or 'as they are'} {weight:g}"] = Fused(
                both, method="weighted", weights=(weight, 1 - weight), normalize=scale
            )
    return made


def tasks(data: Path, runs: Path, most_queries: int | None = None) -> list[Task]:
    """Read every collection that has a run, with the run's first `most_queries`."""
    found = [
        Task(load_beir(folder), dict(islice(read_run(path).items(), most_queries)))
        for folder in sorted(path.parent for path in data.glob("*/corpus.jsonl"))
        for path in sorted(runs.glob(f"{folder.name}.*.run"))
    ]
    if not found:
        raise SystemExit(f"No collection of {data} has a run in {runs}.")
    return found


async def measured(model: RerankerModel, task: Task) -> dict[str, float]:
    """Return the measure of each judged query of the run."""
    ranked: dict[str, Ranking] = {}
    for query, candidates in task.run.items():
        result = await rerank(
            model,
            task.collection.queries[query],
            [task.collection.documents[document] for document, _ in candidates],
            first_stage_scores=[score for _, score in candidates],
        )
        ranked[query] = [(candidates[hit.index][0], hit.score) for hit in result]
    return ndcg(task.collection.judgements, ranked)


async def table(found: list[Task], store: SQLiteStore) -> dict[str, dict[str, dict[str, float]]]:
    """Return system → collection → query → measure."""
    embedded = Cached(OnnxReranker(), store)
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for name, model in systems(embedded).items():
        rows[name] = {}
        for task in found:
            values = rows[name][task.collection.name] = await measured(model, task)
            print(f"{name}, {task.collection.name}: {fmean(values.values()):.4f}", flush=True)
    await embedded.aclose()
    return rows


def compared(values: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return each system's difference from the embedded model, query by query, with its interval."""
    own = {
        name: [queries[query] for queries in of.values() for query in sorted(queries)]
        for name, of in values.items()
    }
    rows: list[list[str]] = []
    for name, those in own.items():
        if name != "embedded":
            gap = paired_difference(those, own["embedded"])
            rows.append([name, f"{gap.mean:+.4f}", f"{gap.low:+.4f} to {gap.high:+.4f}"])
    return markdown_table(["against embedded, all queries", "difference", "95 % interval"], rows)


def main() -> None:
    """Measure and write."""
    parser = script_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--queries", type=int, help="of each collection, the run's first")
    parser.add_argument("--cache", type=Path, default=Path(gettempdir()) / "localrank-fusion.sqlite")
    arguments = parser.parse_args()
    found = tasks(arguments.data, arguments.runs or arguments.data.parent / "runs", arguments.queries)
    values = anyio.run(table, found, SQLiteStore(arguments.cache))
    rows = {
        name: {one: round(fmean(queries.values()), 4) for one, queries in collections.items()}
        for name, collections in values.items()
    }
    names = [task.collection.name for task in found]
    text = markdown_table(
        ["nDCG@10", *names, "mean"],
        [
            [name, *(f"{row[one]:.4f}" for one in names), f"{fmean(row.values()):.4f}"]
            for name, row in rows.items()
        ],
    )
    queries = {task.collection.name: len(task.run) for task in found}
    told = ", ".join(f"{name} {count}" for name, count in queries.items())
    write(
        "fusion_quality",
        "Fusion with the retriever's scores",
        f"Queries: {told}. A weight is the embedded model's share.\n\n{text}\n\n{compared(values)}",
        {"rows": rows, "queries": queries},
    )


if __name__ == "__main__":
    main()
