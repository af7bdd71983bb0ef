"""Reading records and keeping groups apart."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from benchmarks.embedded.records.reading import Record, is_development, read_records, sample_groups


def record(group: str, passage: str) -> Record:
    return Record("docs", "here", group, "a query", passage, "heading", "MIT")


def test_excluded_groups_are_not_read(tmp_path: Path) -> None:
    fields = {"source": "s", "query": "q", "passage": "p", "kind": "qa", "licence": "MIT", "answers": ["a"]}
    with gzip.open(tmp_path / "some.jsonl.gz", "wt") as lines:
        for group in ("Warsaw", "Kraków"):
            lines.write(json.dumps({**fields, "group": group}) + "\n")
    expected = [Record("some", "s", "Kraków", "q", "p", "qa", "MIT", ("a",))]
    assert read_records(tmp_path, excluded=["Warsaw"]) == expected


def test_a_group_is_on_one_side_whatever_its_passages() -> None:
    for number in range(200):
        assert len({is_development(record(f"g{number}", text)) for text in ("one", "two")}) == 1


def test_a_few_groups_are_for_development() -> None:
    kept = sum(is_development(record(f"g{number}", "one")) for number in range(2_000))
    assert 40 <= kept <= 130


def test_whole_groups_are_sampled() -> None:
    records = [record(f"g{number}", f"{number} {part}") for number in range(10) for part in range(3)]
    chosen = sample_groups(records, 7, seed=1)
    assert len(chosen) == 9
    assert len({one.group for one in chosen}) == 3
