"""Training records from a folder of `*.jsonl.gz` files, and which of their groups are kept for development."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HUMAN", "Record", "family_of", "is_development", "read_records", "sample_groups"]

HUMAN = frozenset({"qa", "faq", "long answer", "function"})
"""Kinds whose query a person wrote of that very passage; all other kinds are taken from the layout of a text."""

_DEVELOPMENT_SHARE = 4
"""Of 100 groups."""

_FEW_GROUPS = frozenset({"squad_explore", "functions"})
"""Files of which three times as many are kept."""


@dataclass(frozen=True, slots=True)
class Record:
    """A query and a passage that answers it, or, for `qa_unanswerable`, only seems to.

    Attributes:
        file: Name of the file, without endings.
        source: Where the text comes from.
        group: Article, page or chapter.
        query: The query.
        passage: The passage.
        kind: How the pair was made.
        licence: Of the text.
        answers: Texts in the passage that answer, where they are known.
    """

    file: str
    source: str
    group: str
    query: str
    passage: str
    kind: str
    licence: str
    answers: tuple[str, ...] = ()


def read_records(folder: Path, *, excluded: Iterable[str]) -> list[Record]:
    """Return the records of every `*.jsonl.gz` in `folder`, without the excluded groups."""
    without = frozenset(excluded)
    records = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        name = path.name.removesuffix(".jsonl.gz")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            records += [_record(name, json.loads(line)) for line in lines]
    return [one for one in records if one.group not in without]


def _record(file: str, row: dict[str, object]) -> Record:
    answers = row.get("answers") or ()
    assert isinstance(answers, list | tuple)
    texts = {name: str(row[name]) for name in ("source", "group", "query", "passage", "kind", "licence")}
    return Record(file=file, **texts, answers=tuple(str(one) for one in answers if one))


def is_development(record: Record) -> bool:
    """Whether the record's group is kept out of training: a hash of its name decides."""
    share = 3 * _DEVELOPMENT_SHARE if record.file in _FEW_GROUPS else _DEVELOPMENT_SHARE
    return zlib.crc32(record.group.encode()) % 100 < share


def family_of(source: str) -> str:
    """Return the name of the file that a record comes from, by its source."""
    family = source.partition(":")[0].partition("_1")[0].partition("_v2")[0]
    return family if family in {"squad", "openstax", "medquad", "functions"} else "docs"


def sample_groups(records: Sequence[Record], passages: int, seed: int) -> list[Record]:
    """Return all records of random groups until they have so many different passages.

    Whole groups, since the hardest negatives of a passage are its neighbours.
    """
    groups: dict[str, list[Record]] = {}
    for one in records:
        groups.setdefault(one.group, []).append(one)
    names = sorted(groups)
    random.Random(seed).shuffle(names)  # noqa: S311 - sampling, no secret
    chosen: list[Record] = []
    seen: set[str] = set()
    for name in names:
        if len(seen) >= passages:
            break
        chosen += groups[name]
        seen.update(one.passage for one in groups[name])
    return chosen
