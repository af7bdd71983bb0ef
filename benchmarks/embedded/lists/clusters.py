"""Training and development lists that share their documents: `python -m benchmarks.embedded.lists.clusters`.

A cluster is a passage with what a finished model puts first for one of its queries, out of its own group and of BM25's best:
functions of a module, answers on a disease, sections of a page. Every query of every text of the cluster gets a list of all of
them, so that a text is read once for many queries, and the wrong documents are those that the model takes for the right one. Of
the lists that the model puts in order without a fault one in five is kept for training, and clusters with fewer than four lists
are left out there. Writes what `prepare` writes; the lists of a cluster stand in a row, and their scores are a mean of the
model's distribution and BM25's.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.common.options import script_parser
from benchmarks.embedded.lists.drafts import query_form
from benchmarks.embedded.lists.listing import TrainingRow
from benchmarks.embedded.lists.prepare import write_rows
from benchmarks.embedded.lists.queries import Keywords
from benchmarks.embedded.options import add_records
from benchmarks.embedded.records.overlap import HELD_OUT, protected_texts, unprotected
from benchmarks.embedded.records.reading import HUMAN, Record, is_development, read_records, sample_groups
from benchmarks.embedded.teachers.finished import FinishedTeacher
from benchmarks.embedded.teachers.mixing import mixed
from benchmarks.embedded.teachers.retrievers import Floats, Lexical

PASSAGES = {
    "squad_explore": 500,
    "medquad": 900,
    "openstax": 2_000,
    "docs": 2_000,
    "functions": 3_500,
    "long_answers": 900,
}
"""Of each file, if it is there; for development a fifth."""

SEEDS = {
    "squad_explore": 0.10,
    "medquad": 0.18,
    "openstax": 0.16,
    "docs": 0.16,
    "functions": 0.24,
    "long_answers": 0.16,
}
"""The shares of the clusters that begin with a passage of each file."""

_SIZE = 16
_OWN, _LEXICAL = 24, 24
"""Texts of the passage's group, and of BM25's best, that the model puts in order."""

_A_PASSAGE = 2
_QUERIES = 24
_KEYWORDS = 0.25
_KEPT = 0.2
_WORTH_READING = 4
"""Lists that a cluster must have for training."""

_SHARE = 0.8
_BM25_TEMPERATURE = 3.0


@dataclass(frozen=True, slots=True)
class Pool:
    """The passages that clusters are made of.

    Attributes:
        records: Passage → its records.
        groups: Group → its passages.
        good: Query → the passages that answer it.
        passages: All of them.
    """

    records: Mapping[str, Sequence[Record]]
    groups: Mapping[str, Sequence[str]]
    good: Mapping[str, Collection[str]]
    passages: Sequence[str]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Pool:
        """Return the pool of the records that have a passage for an answer."""
        by_passage: dict[str, list[Record]] = {}
        groups: dict[str, dict[str, None]] = {}
        good: dict[str, set[str]] = {}
        for one in records:
            by_passage.setdefault(one.passage, []).append(one)
            groups.setdefault(one.group, {})[one.passage] = None
            good.setdefault(_plain(one.query), set()).add(one.passage)
        return cls(by_passage, {name: list(own) for name, own in groups.items()}, good, list(by_passage))


def main() -> int:
    """Read, protect, gather, write."""
    arguments = _arguments()
    records = [
        one for one in read_records(arguments.train, excluded=HELD_OUT) if len(one.passage.split()) >= 8
    ]
    records = [one for one in records if one.kind != "qa_unanswerable"]
    protected = protected_texts(arguments.eval)
    miner = FinishedTeacher(arguments.miner)
    for name, development, share in (("dev", True, 0.2), ("train", False, 1.0)):
        own = [one for one in records if is_development(one) is development]
        chosen: list[Record] = []
        for file, count in PASSAGES.items():
            of_file = [one for one in own if one.file == file]
            chosen += sample_groups(of_file, round(count * share * arguments.scale), arguments.seed)
        pool = Pool.of(unprotected(chosen, protected))
        print(f"{name}: {len(pool.passages)} passages", file=sys.stderr, flush=True)
        count = round(arguments.clusters * (share if development else 1.0))
        rows = _lists(pool, miner, count, arguments.seed, development=development)
        write_rows(arguments.out / f"{name}.jsonl.gz", rows)
    return 0


def _arguments() -> argparse.Namespace:
    parser = script_parser(__doc__)
    add_records(parser, seed=51)
    parser.add_argument(
        "--miner", type=Path, required=True, help="folder of the finished model that finds what is hard"
    )
    parser.add_argument("--clusters", type=int, default=500)
    parser.add_argument("--scale", type=float, default=1.0, help="times as many passages")
    return parser.parse_args()


def _lists(
    pool: Pool, miner: FinishedTeacher, clusters: int, seed: int, *, development: bool
) -> list[TrainingRow]:
    dice = random.Random(seed)  # noqa: S311 - sampling, no secret
    lexical = Lexical(pool.passages)
    keywords = Keywords(pool.passages)
    kept = 1.0 if development else _KEPT
    rows: list[TrainingRow] = []
    for number, start in enumerate(_starts(pool, clusters, dice), 1):
        texts = cluster(start, pool, miner, lexical, dice)
        own: list[TrainingRow] = []
        for row in rows_of(texts, pool, lexical, keywords, dice):
            found = miner.cosines(row.query, row.documents)
            if dice.random() < kept or not faultless(found, row.labels or []):
                known = np.asarray(row.scores, np.float32)
                scores = [round(float(one), 4) for one in mixed(known, found, _SHARE)]
                own.append(replace(row, scores=scores))
        if development or len(own) >= _WORTH_READING:
            rows += own
        if number % 50 == 0:
            print(f"{number} clusters, {len(rows)} lists", file=sys.stderr, flush=True)
    return rows


def _starts(pool: Pool, clusters: int, dice: random.Random) -> list[Record]:
    """Return the records that clusters begin with, each of another passage, in random order."""
    starts: list[Record] = []
    for file, share in SEEDS.items():
        passages = [text for text, own in pool.records.items() if own[0].file == file]
        drawn = dice.sample(passages, min(len(passages), round(clusters * share)))
        starts += [dice.choice([one for one in pool.records[text] if one.file == file]) for text in drawn]
    dice.shuffle(starts)
    return starts


def cluster(
    start: Record, pool: Pool, miner: FinishedTeacher, lexical: Lexical, dice: random.Random
) -> list[str]:
    """Return the passage and the texts that the model puts first for its query, in random order."""
    own = [text for text in pool.groups[start.group] if text != start.passage]
    count = min(_LEXICAL, len(pool.passages))
    found = [pool.passages[place] for place in lexical.nearest([start.query], count).places[0]]
    others = [
        text
        for text in dict.fromkeys([*dice.sample(own, min(len(own), _OWN)), *found])
        if text != start.passage
    ]
    order = np.argsort(-miner.cosines(start.query, others), kind="stable")
    texts = [start.passage, *(others[place] for place in order[: _SIZE - 1])]
    dice.shuffle(texts)
    return texts


def rows_of(
    texts: Sequence[str], pool: Pool, lexical: Lexical, keywords: Keywords, dice: random.Random
) -> list[TrainingRow]:
    """Return a list for each query of the cluster's texts; none where another text holds the answer too."""
    asked: dict[str, tuple[str, str, Record]] = {}
    for text in texts:
        own = list(pool.records[text])
        for one in dice.sample(own, min(len(own), _A_PASSAGE)):
            asked.setdefault(_plain(one.query), (query_form(one, dice), one.kind, one))
        words = keywords(text, dice) if dice.random() < _KEYWORDS else None
        if words is not None:
            asked.setdefault(words, (words, "keywords", own[0]))
    rows = []
    for query, kind, record in dice.sample(list(asked.values()), min(len(asked), _QUERIES)):
        good = {record.passage} if kind == "keywords" else pool.good[_plain(record.query)]
        answers = [one.lower() for one in record.answers] if kind in HUMAN else []
        labels = [int(text in good) for text in texts]
        hidden = any(
            answer in text.lower()
            for text, label in zip(texts, labels, strict=True)
            if not label
            for answer in answers
        )
        if hidden or all(labels) or not 1 < len(query.split()) <= 60:
            continue
        scores = lexical.scores(query, texts) / _BM25_TEMPERATURE
        logits = [round(float(one), 4) for one in scores - np.logaddexp.reduce(scores)]
        rows.append(TrainingRow(query, list(texts), labels, logits, record.licence, record.source, kind))
    return rows


def faultless(found: Floats, labels: Sequence[int]) -> bool:
    """Return whether no wrong text stands above a right one."""
    right = np.asarray(labels) > 0
    return bool(found[right].min() > found[~right].max())


def _plain(query: str) -> str:
    return " ".join(query.lower().rstrip("?!. ").split())


if __name__ == "__main__":
    raise SystemExit(main())
