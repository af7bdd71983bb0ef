from __future__ import annotations

import json
from pathlib import Path

from localrank.evaluation.journal import Journal, record_of
from localrank.evaluation.results import Ranking

RANKING = Ranking((("b", 2.0), ("a", 1.0)), 3.5, 12, None, ("truncated",))


def test_a_ranking_that_was_added_is_there_for_the_next_run(tmp_path: Path) -> None:
    Journal(tmp_path / "new/journal.jsonl").add("k", RANKING)

    assert Journal(tmp_path / "new/journal.jsonl").get("k") == RANKING


def test_lines_that_are_no_rankings_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).add("first", RANKING)
    with path.open("ab") as file:
        file.write(b'garbage\n\xff\xfe\n{"key": 5}\n[1]\n' + b"[" * 100_000 + b'\n{"key": "cut", "docu')
    Journal(path).add("last", RANKING)

    found = Journal(path)
    assert [found.get(key) for key in ("first", "last", "cut")] == [RANKING, RANKING, None]


def test_a_digit_that_changed_makes_no_other_ranking(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).add("k", RANKING)
    line = path.read_bytes()
    for at in (at for at, letter in enumerate(line) if chr(letter).isdigit()):
        path.write_bytes(line[:at] + (b"7" if line[at : at + 1] != b"7" else b"8") + line[at + 1 :])
        assert Journal(path).get("k") is None


def test_a_ranking_of_an_earlier_version_without_a_sum_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(json.dumps({"key": "k", **record_of(RANKING)}) + "\n")

    assert Journal(path).get("k") == RANKING
