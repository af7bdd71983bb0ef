"""Judgements in lines and records."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank import InvalidDataError
from localrank.providers.data.judgements import candidates, judgements
from tests.support.hub_folder import write_rows


@pytest.mark.parametrize(
    "text",
    [
        "query-id\tcorpus-id\tscore\nq\td\t2\n",
        "q 0 d 2\n",
        "q\t0\td\t2\n",
        "q  0\td 2.0\n",
    ],
)
def test_three_and_four_columns_are_read_with_a_heading_and_without(tmp_path: Path, text: str) -> None:
    path = tmp_path / "qrels.tsv"
    path.write_text(text)

    assert judgements(path, whole=True) == {"q": {"d": 2.0}}


def test_a_part_of_a_grade_is_refused_where_whole_ones_are_wanted(tmp_path: Path) -> None:
    path = tmp_path / "qrels.tsv"
    path.write_text("q 0 d 1\nq 0 e 0.5\n")

    assert judgements(path) == {"q": {"d": 1.0, "e": 0.5}}
    with pytest.raises(InvalidDataError, match=r":2: the grade '0\.5' is no whole number"):
        judgements(path, whole=True)


def test_a_record_without_a_document_is_named(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "test.jsonl", [{"query-id": "q", "document": "d"}])

    with pytest.raises(InvalidDataError, match=r"test\.jsonl:1: there is no 'corpus-id'.*'document'"):
        judgements(path)


def test_a_record_without_candidates_is_named(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "test.jsonl", [{"query-id": "q", "corpus-id": "d"}])

    with pytest.raises(InvalidDataError, match=r"test\.jsonl:1: the keys are .*: no list 'corpus-ids'"):
        list(candidates(path))


def test_a_file_without_a_judgement_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "qrels.tsv"
    path.write_text("query-id\tcorpus-id\tscore\n")

    with pytest.raises(InvalidDataError, match=r"holds no judgement\..*query 0 document grade"):
        judgements(path)
