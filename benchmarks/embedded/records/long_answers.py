"""Records whose passage is a long document with the answer in it: `python -m benchmarks.embedded.records.long_answers`.

The passages of a group, which are the sections of one page, are put end to end as far as a document of `--words` words goes,
and each question that a person asked gets the document that holds its answer. Groups stay what they were: a page is kept for
development where its passages are. The output is one more file of records, `long_answers.jsonl.gz`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.common.options import script_parser
from benchmarks.embedded.records.overlap import HELD_OUT
from benchmarks.embedded.records.reading import HUMAN, Record, read_records

_FILE = "medquad"
"""Whose answers are long; those of the others are a paragraph."""


def main() -> int:
    """Read, put together, write."""
    parser = script_parser(__doc__)
    parser.add_argument("--train", type=Path, required=True, help="folder of records")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--words", type=int, default=260, help="of a document at most")
    arguments = parser.parse_args()
    records = [one for one in read_records(arguments.train, excluded=HELD_OUT) if one.file == _FILE]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(arguments.out, "wt", encoding="utf-8") as lines:
        for one in long_answers(records, arguments.words):
            lines.write(json.dumps(asdict(one), ensure_ascii=False) + "\n")
    return 0


def long_answers(records: Iterable[Record], words: int) -> list[Record]:
    """Return a record for each question whose answer is part of a document of several passages."""
    groups: dict[str, list[Record]] = {}
    for one in records:
        groups.setdefault(one.group, []).append(one)
    return [
        replace(one, file="long_answers", passage=document, kind="long answer")
        for own in groups.values()
        for document, parts in _documents(list(dict.fromkeys(one.passage for one in own)), words)
        for one in own
        if one.kind in HUMAN and one.passage in parts
    ]


def _documents(passages: Sequence[str], words: int) -> list[tuple[str, list[str]]]:
    """Return the documents of more than one passage, with their passages."""
    documents: list[list[str]] = []
    room = 0
    for text in passages:
        length = len(text.split())
        if length > room:
            documents.append([])
            room = words
        documents[-1].append(text)
        room -= length
    return [("\n".join(parts), parts) for parts in documents if len(parts) > 1]


if __name__ == "__main__":
    raise SystemExit(main())
