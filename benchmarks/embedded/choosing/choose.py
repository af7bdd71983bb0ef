"""Which checkpoint: nDCG@10 of each on the development lists, kind by kind: `python -m benchmarks.embedded.choosing.choose`.

The last column is the mean over the kinds of queries; the row with the highest is to be taken.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from statistics import fmean

from benchmarks.common.options import script_parser
from benchmarks.common.tables import markdown_table
from benchmarks.embedded.records.reading import family_of
from localrank_transformers.training.data.development import measure
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.fitting.fitting import load_model, trains_in_bf16
from localrank_transformers.training.fitting.watching import list_logits
from localrank_transformers.training.request import TrainSettings


def main() -> int:
    """Measure every folder and print the table."""
    parser = script_parser(__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="folders with float32 weights")
    parser.add_argument("--dev", type=Path, required=True, help="dev.jsonl.gz, by prepare")
    parser.add_argument("--lists", type=int, default=40, help="of each kind at most")
    parser.add_argument("--depth", type=int, default=30, help="candidates of each list")
    arguments = parser.parse_args()
    kinds = read_development(arguments.dev, arguments.lists, arguments.depth)
    names = list(kinds)
    head = ["nDCG@10", *(f"{name} ({len(kinds[name])})" for name in names), "mean"]
    rows = [_row("first stage", [measure(own, [one.scores or () for one in own]) for own in kinds.values()])]
    for folder in arguments.models:
        model = load_model(folder, TrainSettings())
        bf16 = trains_in_bf16(model.device.type)
        values = [measure(own, list_logits(model, own, bf16=bf16)) for own in kinds.values()]
        rows.append(_row(folder.name, values))
        print(rows[-1], flush=True)
    print(markdown_table(head, rows))
    return 0


def read_development(path: Path, lists: int, depth: int) -> dict[str, list[TrainingList]]:
    """Return the development lists by file and kind, cut to the best `depth` of their first stage, if a positive is left."""
    kinds: dict[str, list[TrainingList]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            family = family_of(row["source"])
            one = TrainingList(
                row["query"],
                tuple(row["documents"][:depth]),
                tuple(row["labels"][:depth]),
                tuple(row["scores"][:depth]),
            )
            own = kinds.setdefault(f"{family} {row['kind']}", [])
            if one.positives and len(own) < lists:
                own.append(one)
    return {name: own for name, own in sorted(kinds.items()) if len(own) >= 5}


def _row(name: str, values: list[float]) -> list[str]:
    return [name, *(f"{value:.3f}" for value in values), f"{fmean(values):.4f}"]


if __name__ == "__main__":
    raise SystemExit(main())
