"""Training and development lists from records: `python -m benchmarks.embedded.lists.prepare`.

Writes `train.jsonl.gz` and `dev.jsonl.gz`, one list a line: query, documents, labels (where a person wrote the query), scores
(the teachers' logits), licence, source, kind. No text that shares 13 words in a row with an evaluation text gets in.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.common.options import script_parser
from benchmarks.embedded.lists.drafts import Draft, draft_queries
from benchmarks.embedded.lists.listing import Ranked, TrainingRow, development_row, training_row
from benchmarks.embedded.options import add_records
from benchmarks.embedded.records.overlap import HELD_OUT, protected_texts, unprotected
from benchmarks.embedded.records.reading import Record, is_development, read_records, sample_groups
from benchmarks.embedded.teachers.encoder import Encoder
from benchmarks.embedded.teachers.retrievers import Lexical, nearest

PASSAGES = {
    "squad_explore": 10_000,
    "medquad": 2_500,
    "openstax": 4_500,
    "docs": 2_800,
    "functions": 5_500,
    "long_answers": 2_000,
}
"""Of each file, if it is there."""

_TITLES = 2_500
_NEAREST = 64
_DEVELOPMENT_LISTS = 60


def main() -> int:
    """Read, protect, draft, ask the teachers, write."""
    arguments = _arguments()
    dice = random.Random(arguments.seed)  # noqa: S311 - sampling, no secret
    records = _chosen(arguments)
    passages = list(dict.fromkeys(one.passage for one in records))
    print(f"{len(records)} records, {len(passages)} passages", file=sys.stderr, flush=True)
    drafts = draft_queries(records, passages, arguments.scale, dice)
    passages += _titles(records, arguments.scale, dice)
    rankings = _ranked(drafts, passages, Encoder(arguments.bi_encoder, arguments.out / "embeddings"))
    development = [is_development(one) for one in records]
    hidden = {
        text
        for one, kept in zip(records, development, strict=True)
        if kept
        for text in (one.passage, one.query)
    }
    titles = {one.passage: one.query for one in records if one.kind == "heading"}
    train: list[TrainingRow] = []
    dev: list[TrainingRow] = []
    for draft, ranked in zip(drafts, rankings, strict=True):
        if draft.development:
            dev.append(development_row(draft, ranked, passages))
        elif (
            row := training_row(draft, ranked, passages, hidden=hidden, titles=titles, dice=dice)
        ) is not None:
            train.append(row)
    dice.shuffle(train)
    write_rows(arguments.out / "train.jsonl.gz", train)
    write_rows(arguments.out / "dev.jsonl.gz", _some_of_each(dev, dice))
    return 0


def _arguments() -> argparse.Namespace:
    parser = script_parser(__doc__)
    add_records(parser, seed=11)
    parser.add_argument("--bi-encoder", required=True, help="folder or hub id of all-MiniLM-L6-v2")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many passages and queries")
    return parser.parse_args()


def _chosen(arguments: argparse.Namespace) -> list[Record]:
    protected = protected_texts(arguments.eval)
    records = read_records(arguments.train, excluded=HELD_OUT)
    chosen: list[Record] = []
    for file, count in PASSAGES.items():
        own = [one for one in records if one.file == file and len(one.passage.split()) >= 8]
        chosen += sample_groups(own, round(count * arguments.scale), arguments.seed)
    return unprotected(chosen, protected)


def _titles(records: Sequence[Record], scale: float, dice: random.Random) -> list[str]:
    """Return headings as documents of their own: collections have records with no more than a title among long ones."""
    passages = {one.passage for one in records}
    found = sorted(
        {one.query for one in records if one.kind == "heading" and len(one.query.split()) >= 4} - passages
    )
    return dice.sample(found, min(len(found), round(_TITLES * scale)))


def _ranked(drafts: Sequence[Draft], passages: Sequence[str], encode: Encoder) -> list[Ranked]:
    rows = encode(passages)
    queries = encode([one.query for one in drafts])
    changed = [place for place, one in enumerate(drafts) if one.changed]
    own = dict(zip(changed, encode([drafts[place].positive for place in changed]), strict=True))
    dense = nearest(queries, rows, _NEAREST)
    lexical = Lexical(passages).nearest([one.query for one in drafts], _NEAREST)
    places = {text: place for place, text in enumerate(passages)}
    ranked = []
    for at, draft in enumerate(drafts):
        positive = own.get(at)
        row = rows[places[draft.passage]] if positive is None else positive
        ranked.append(
            Ranked(
                place=places[draft.passage],
                cosine=float(queries[at] @ row),
                dense=dict(zip(dense.places[at].tolist(), dense.scores[at].tolist(), strict=True)),
                lexical=dict(zip(lexical.places[at].tolist(), lexical.scores[at].tolist(), strict=True)),
                query=np.asarray(queries[at]),
                rows=rows,
            )
        )
    return ranked


def _some_of_each(rows: Sequence[TrainingRow], dice: random.Random) -> list[TrainingRow]:
    kinds: dict[str, list[TrainingRow]] = {}
    for row in rows:
        kinds.setdefault(f"{row.source.split(':')[0]} {row.kind}", []).append(row)
    return [row for own in kinds.values() for row in dice.sample(own, min(len(own), _DEVELOPMENT_LISTS))]


def write_rows(path: Path, rows: Sequence[TrainingRow]) -> None:
    """Write one list a line, and say how many of each kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        for row in rows:
            fields = {name: value for name, value in asdict(row).items() if value is not None}
            lines.write(json.dumps(fields, ensure_ascii=False) + "\n")
    print(path.name, len(rows), dict(Counter(row.kind for row in rows)), file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
