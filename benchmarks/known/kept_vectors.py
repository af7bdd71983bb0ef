"""What a store of small vectors loses: `python -m benchmarks.known.kept_vectors --data FOLDER --runs FOLDER --kept FOLDER`.

The embedded model reads the candidates of each collection once, which takes long; the vectors are kept in a folder for the next
time. Then every list is ranked by vectors in seven bits and by their signs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.candidates import Ranking, judged, ndcg
from benchmarks.common.results import RESULTS, Bar, write
from benchmarks.common.tables import markdown_table
from localrank.evaluation import load_beir, read_run
from localrank_transformers import OnnxReranker
from localrank_transformers.engines.native.maxsim import fastest_compare
from localrank_transformers.families.late.known.packed import Bits, PackedDocument, token_bytes

SETTINGS: dict[str, Bits] = {"full": 7, "small": 1}
SCALE = 20.23
"""Of localrank-mini: what a mean of cosines is multiplied by in its logit."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Candidates with the vectors of their tokens.

    Attributes:
        name: Of the collection.
        queries: Vectors and weights of each query's tokens.
        candidates: Of each query.
        documents: Where each document's vectors begin and end.
        vectors: Of all documents, of length 1, float16.
        judgements: Grades by query and document.
    """

    name: str
    queries: dict[str, tuple[Any, Any]]
    candidates: dict[str, list[str]]
    documents: dict[str, tuple[int, int]]
    vectors: Any
    judgements: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Lists:
    """One collection under one setting: nDCG@10, the first document, whether it is relevant, and logits, a query each."""

    ndcg: list[float]
    first: list[str]
    hits: list[bool]
    logits: list[Any]


def main() -> int:
    """Measure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--runs", type=Path, required=True)
    options.add_argument("--kept", type=Path, required=True, help="where vectors are kept")
    options.add_argument("--output", type=Path, default=RESULTS)
    arguments = options.parse_args()
    found: dict[str, dict[str, Lists]] = {}
    for folder in sorted(path for path in arguments.data.iterdir() if path.is_dir()):
        collection = _collection(folder, arguments.runs, arguments.kept)
        found[folder.name] = {name: _ranked(collection, bits) for name, bits in SETTINGS.items()}
        print(folder.name, flush=True)
    rows, bars = _compared(found)
    head = ["collection", "queries", "full", "small", "change", "same first", "gained", "lost", "logit moved"]
    write("kept_vectors", "Kept vectors", markdown_table(head, rows), {}, folder=arguments.output, bars=bars)
    return 0


def _collection(folder: Path, runs: Path, kept: Path) -> Collection:
    data = load_beir(folder)
    ranked = judged(read_run(next(runs.glob(f"{folder.name}.*.run"))), data)
    candidates = {query: [document for document, _ in listed] for query, listed in ranked.items()}
    place = kept / f"{folder.name}.npz"
    if not place.exists():
        kept.mkdir(parents=True, exist_ok=True)
        _read(place, {query: data.queries[query] for query in candidates}, _texts(data, candidates))
    held = np.load(place)
    ends = dict(zip(held["ids"].tolist(), np.cumsum(held["tokens"]).tolist(), strict=True))
    counts = dict(zip(held["ids"].tolist(), held["tokens"].tolist(), strict=True))
    return Collection(
        folder.name,
        {query: (held[f"q{at}"], held[f"w{at}"]) for at, query in enumerate(candidates)},
        candidates,
        {one: (end - counts[one], end) for one, end in ends.items()},
        held["vectors"],
        {query: dict(data.judgements[query]) for query in candidates},
    )


def _texts(data: Any, candidates: dict[str, list[str]]) -> dict[str, str]:
    wanted = sorted({document for listed in candidates.values() for document in listed})
    return {document: data.documents[document] for document in wanted}


def _read(place: Path, queries: dict[str, str], texts: dict[str, str]) -> None:
    with OnnxReranker() as model:
        asked = [model.query_vectors(text) for text in queries.values()]
        read = [one.vectors for one in model.document_vectors(list(texts.values()))]
    parts = {f"q{at}": one.vectors for at, one in enumerate(asked)}
    parts |= {f"w{at}": one.weights for at, one in enumerate(asked)}
    np.savez(
        place,
        ids=np.array(list(texts)),
        tokens=np.array([len(one) for one in read]),
        vectors=np.concatenate(read).astype(np.float16),
        **parts,
    )


def _ranked(collection: Collection, bits: Bits) -> Lists:
    compare, found = fastest_compare(bits), Lists([], [], [], [])
    rankings: dict[str, Ranking] = {}
    packed = {one: _packed(collection, span, bits) for one, span in collection.documents.items()}
    for query, listed in collection.candidates.items():
        vectors, weights = collection.queries[query]
        asked = compare.pack_query(vectors.astype(np.float32), weights.astype(np.float32))
        cosines = compare(asked, [packed[one] for one in listed])
        order = np.argsort(-cosines, kind="stable")
        rankings[query] = [(listed[at], float(cosines[at])) for at in order]
        first = listed[order[0]]
        found.first.append(first)
        found.hits.append(collection.judgements[query].get(first, 0) > 0)
        found.logits.append(SCALE * cosines)
    found.ndcg.extend(ndcg(collection.judgements, rankings).values())
    return found


def _packed(collection: Collection, span: tuple[int, int], bits: Bits) -> PackedDocument:
    vectors = collection.vectors[slice(*span)].astype(np.float32)
    return fastest_compare(bits).pack([vectors], [None], [False])[0]


def _compared(found: dict[str, dict[str, Lists]]) -> tuple[list[list[str]], list[Bar]]:
    rows, changes, gained, lost = [], [], 0, 0
    for name, of in found.items():
        full, small = of["full"], of["small"]
        change = float(np.mean(small.ndcg) - np.mean(full.ndcg))
        up, down = _moved(full.hits, small.hits), _moved(small.hits, full.hits)
        same = np.mean([one == other for one, other in zip(full.first, small.first, strict=True)])
        apart = np.mean(
            [np.abs(one - other).mean() for one, other in zip(full.logits, small.logits, strict=True)]
        )
        rows.append(
            [
                *(name, str(len(full.first)), f"{np.mean(full.ndcg):.4f}", f"{np.mean(small.ndcg):.4f}"),
                *(f"{change:+.4f}", f"{same:.1%}", str(up), str(down), f"{apart:.2f}"),
            ]
        )
        changes.append(change)
        gained, lost = gained + up, lost + down
    mean = float(np.mean(changes))
    size = {name: token_bytes(384, bits) * 120 / 1e3 for name, bits in SETTINGS.items()}
    return rows, [
        Bar("mean change of nDCG@10", "≥ -.001", f"{mean:+.4f}", mean >= -0.001),
        Bar("first places: relevant gained, lost", "no more lost", f"{gained}, {lost}", lost <= gained),
        Bar("GB, a million passages of 120 tokens, small", "≤ 6", f"{size['small']:.1f}", size["small"] <= 6),
        Bar("the same, full", "", f"{size['full']:.1f}", None),
    ]


def _moved(before: Sequence[bool], after: Sequence[bool]) -> int:
    return sum(not one and other for one, other in zip(before, after, strict=True))


if __name__ == "__main__":
    raise SystemExit(main())
