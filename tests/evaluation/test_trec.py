from __future__ import annotations

from pathlib import Path

import pytest

from localrank import InvalidRequestError
from localrank.evaluation import load_trec, read_qrels, read_run


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_a_collection_is_read_from_three_files(tmp_path: Path) -> None:
    found = load_trec(
        written(tmp_path / "topics.tsv", "1\treset\tit\n\n2\tpandas\n"),
        written(tmp_path / "docs.jsonl", '{"id": 7, "title": "Router", "text": "button"}\n'),
        written(tmp_path / "robust.qrels", "1 0 7 2\n1 0 8 -1\n"),
    )

    assert found.name == "robust"
    assert found.queries == {"1": "reset\tit", "2": "pandas"}
    assert found.documents == {"7": "Router button"}
    assert found.judgements == {"1": {"7": 2, "8": -1}}


def test_a_line_without_a_tab_is_named(tmp_path: Path) -> None:
    topics = written(tmp_path / "topics.tsv", "1\treset\n2 pandas\n")

    with pytest.raises(InvalidRequestError, match=r"topics.tsv:2: no tab"):
        load_trec(topics, topics, topics)


def test_judgements_of_three_and_of_four_columns_are_the_same(tmp_path: Path) -> None:
    three = written(tmp_path / "a", "query-id\tcorpus-id\tscore\n1\ta\t2\n1\tb\t0\n")
    four = written(tmp_path / "b", "1 0 a 2\n1 0 b 0\n")

    assert read_qrels(three) == read_qrels(four) == {"1": {"a": 2, "b": 0}}


def test_a_run_is_sorted_by_score_and_equal_scores_keep_their_order(tmp_path: Path) -> None:
    run = written(tmp_path / "a.run", "1 Q0 a 1 0.5 x\n1 Q0 b 2 0.9 x\n1 Q0 c 3 0.5 x\n")

    assert read_run(run) == {"1": [("b", 0.9), ("a", 0.5), ("c", 0.5)]}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("1 Q0 b 2 0.9", "a.run:2: 5 columns. A run has `query Q0 document rank score tag`."),
        ("1 Q0 b 2 high x", "a.run:2: the score 'high' is no number."),
        ("1 Q0 b 2 nan x", "a.run:2: the score 'nan' is no number."),
        ("1 Q0 a 2 0.4 x", "a.run:2: document 'a' is ranked twice for query '1'."),
    ],
)
def test_a_wrong_line_of_a_run_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    run = written(tmp_path / "a.run", f"1 Q0 a 1 0.5 x\n{line}\n")

    with pytest.raises(InvalidRequestError) as error:
        read_run(run)

    assert str(error.value).endswith(complaint)


@pytest.mark.parametrize("read", [read_run, read_qrels])
def test_an_empty_file_is_refused(tmp_path: Path, read: object) -> None:
    with pytest.raises(InvalidRequestError, match="holds no"):
        read(written(tmp_path / "a", "\n"))  # type: ignore[operator]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"none.run cannot be read: No such file"):
        read_run(tmp_path / "none.run")
