"""Which checkpoint, by lists that share their documents: `python -m benchmarks.embedded.choosing.choose_clusters`.

nDCG@10 of each folder on the development lists of `lists.clusters`, by kind, and the mean over the kinds, with what it is more
than the first folder's; the interval is of clusters drawn anew. The row with the highest mean is to be taken. What a folder
gives is kept in `--kept`, by its weights and the lists, so that one more is measured alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.common.options import script_parser
from benchmarks.common.tables import markdown_table
from benchmarks.embedded.training.clusters import Cluster, cluster_logits, read_clusters
from localrank_transformers.training.data.development import measure_each
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.fitting.fitting import load_model
from localrank_transformers.training.request import TrainSettings

_LEAST = 15
_SAMPLES = 2_000

Floats = NDArray[np.float64]


def main() -> int:
    """Measure every folder and print the table."""
    parser = script_parser(__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="folders with float32 weights")
    parser.add_argument("--dev", type=Path, required=True, help="dev.jsonl.gz, by lists.clusters")
    parser.add_argument("--clusters", type=int, help="the first so many alone")
    parser.add_argument("--kept", type=Path, help="folder of what was measured before")
    arguments = parser.parse_args()
    clusters = read_clusters(arguments.dev)[: arguments.clusters]
    kinds = [kind for one in clusters for kind in one.kinds]
    names = [name for name in sorted(set(kinds)) if kinds.count(name) >= _LEAST]
    owners = np.repeat(np.arange(len(clusters)), [len(one.queries) for one in clusters])
    places = {name: np.flatnonzero(np.array(kinds) == name) for name in names}
    found = {str(folder): _values(folder, clusters, arguments.kept) for folder in arguments.models}
    first = found[str(arguments.models[0])]
    head = ["nDCG@10", *(f"{name} ({len(places[name])})" for name in names), "mean", "more than the first"]
    rows = [
        [
            Path(folder).name,
            *(f"{values[places[name]].mean():.3f}" for name in names),
            f"{np.mean([values[own].mean() for own in places.values()]):.4f}",
            mean_change(values - first, places, owners),
        ]
        for folder, values in found.items()
    ]
    print(markdown_table(head, rows))
    return 0


def _values(folder: Path, clusters: Sequence[Cluster], kept: Path | None) -> Floats:
    if kept is None:
        return _measured(folder, clusters)
    lists = [(one.documents, one.queries) for one in clusters]
    depends = (folder / "model.safetensors").read_bytes() + json.dumps(lists).encode()
    path = kept / f"{hashlib.sha256(depends).hexdigest()[:24]}.npy"
    if not path.is_file():
        kept.mkdir(parents=True, exist_ok=True)
        np.save(path, _measured(folder, clusters))
    return np.asarray(np.load(path))


@torch.no_grad()
def _measured(folder: Path, clusters: Sequence[Cluster]) -> Floats:
    model: Any = load_model(folder, TrainSettings(device="cpu"))
    model.eval()
    lists, scores = [], []
    for one in clusters:
        rows = zip(one.queries, one.labels.tolist(), strict=True)
        lists += [TrainingList(query, one.documents, tuple(labels)) for query, labels in rows]
        scores += cluster_logits(model[0], one.queries, one.documents).tolist()
    return np.asarray(measure_each(lists, scores))


def mean_change(changes: Floats, kinds: Mapping[str, NDArray[np.int64]], owners: NDArray[np.int64]) -> str:
    """Return the mean over the kinds of the mean change, with a 95 % interval over clusters drawn anew."""
    dice = np.random.default_rng(1)
    count = int(owners.max()) + 1
    weights = np.stack(
        [np.bincount(dice.integers(count, size=count), minlength=count) for _ in range(_SAMPLES)]
    )
    means = []
    for own in kinds.values():
        counted = weights[:, owners[own]]
        with np.errstate(invalid="ignore"):
            means.append((counted * changes[own]).sum(1) / counted.sum(1))
    low, high = np.percentile(np.nanmean(means, axis=0), [2.5, 97.5])
    mean = np.mean([changes[own].mean() for own in kinds.values()])
    return f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"


if __name__ == "__main__":
    raise SystemExit(main())
