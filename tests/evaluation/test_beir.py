from __future__ import annotations

from pathlib import Path

import pytest

from localrank import InvalidRequestError
from localrank.evaluation import load_beir
from tests.support.small_collection import DOCUMENTS, JUDGEMENTS, QUERIES, write_beir


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_beir(tmp_path / "small")


def test_titles_stand_before_texts_and_grades_are_kept(folder: Path) -> None:
    found = load_beir(folder)

    assert (found.name, found.queries, found.documents, found.judgements) == (
        "small",
        QUERIES,
        DOCUMENTS,
        JUDGEMENTS,
    )


def test_another_split_is_read_when_it_is_named(folder: Path) -> None:
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq3\td5\t1\n", "utf-8")

    assert load_beir(folder, split="dev").judgements == {"q3": {"d5": 1}}
    assert load_beir(folder).judgements == JUDGEMENTS


def test_judgements_come_from_another_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("q1 0 d1 3\n", "utf-8")

    assert load_beir(folder, qrels=tmp_path / "q.txt").judgements == {"q1": {"d1": 3}}


def test_a_split_that_is_not_there_names_those_that_are(folder: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"'dev'\. There are test\."):
        load_beir(folder, split="dev")


def test_a_folder_without_a_corpus_says_what_belongs_into_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"has no corpus.jsonl. A BEIR folder holds"):
        load_beir(tmp_path)


@pytest.mark.parametrize(
    ("name", "line", "complaint"),
    [
        ("corpus.jsonl", '{"_id": "d11", "text": ', "corpus.jsonl:11: no valid JSON"),
        ("corpus.jsonl", '["d11"]', "corpus.jsonl:11: a list, not a JSON object"),
        ("corpus.jsonl", '{"_id": "d11"}', "corpus.jsonl:11: there is no 'text'"),
        ("corpus.jsonl", '{"_id": "d11", "text": 3}', "corpus.jsonl:11: 'text' is of type int"),
        (
            "corpus.jsonl",
            '{"_id": "d 11", "text": ""}',
            "corpus.jsonl:11: the id 'd 11' is empty or has a space",
        ),
        (
            "corpus.jsonl",
            '{"_id": "d1", "text": ""}',
            "corpus.jsonl:11: the id 'd1' is there for the second time",
        ),
        ("qrels/test.tsv", "q1\td1\thigh", "test.tsv:12: the grade 'high' is no whole number"),
        ("qrels/test.tsv", "q1\td1\t0", "test.tsv:12: query 'q1' and document 'd1' were judged 2 before"),
    ],
)
def test_a_wrong_line_is_named(folder: Path, name: str, line: str, complaint: str) -> None:
    with (folder / name).open("a") as file:
        file.write(f"{line}\n")

    with pytest.raises(InvalidRequestError) as error:
        load_beir(folder)

    assert complaint in str(error.value)


def test_text_that_is_no_utf_8_names_the_file(folder: Path) -> None:
    (folder / "corpus.jsonl").write_bytes(b'{"_id": "a", "text": "\xff"}\n')

    with pytest.raises(InvalidRequestError, match=r"corpus.jsonl:1: no UTF-8"):
        load_beir(folder)


def test_text_that_is_no_utf_8_names_the_very_line(folder: Path) -> None:
    good = '{"_id": "a%d", "text": "a"}\n'
    (folder / "corpus.jsonl").write_bytes((good % 1 + good % 2).encode() + b'{"_id": "b", "text": "\xff"}\n')

    with pytest.raises(InvalidRequestError, match=r"corpus.jsonl:3: no UTF-8"):
        load_beir(folder)


@pytest.mark.parametrize("line", ["[" * 100_000, "9" * 5000])
def test_json_beyond_what_python_reads_is_a_wrong_line(folder: Path, line: str) -> None:
    (folder / "corpus.jsonl").write_text(f'{{"_id": "a", "text": "a"}}\n{line}\n')

    with pytest.raises(InvalidRequestError, match=r"corpus.jsonl:2: no valid JSON"):
        load_beir(folder)


def test_a_corpus_without_documents_is_refused(folder: Path) -> None:
    (folder / "corpus.jsonl").write_text("")

    with pytest.raises(InvalidRequestError, match="'small' has no documents"):
        load_beir(folder)
