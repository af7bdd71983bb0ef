from __future__ import annotations

from pathlib import Path

import pytest

from localrank.evaluation import Ranking, read_qrels, read_run, write_qrels, write_run
from localrank.evaluation.trec_run import file_name


def test_a_run_has_six_columns_and_ranks_from_one(tmp_path: Path) -> None:
    write_run(tmp_path / "a.run", {"q": Ranking((("a", 0.5), ("b", 0.25)))}, "cohere:rerank-v3.5")

    assert (tmp_path / "a.run").read_text() == (
        "q Q0 a 1 0.5 cohere-rerank-v3.5\nq Q0 b 2 0.25 cohere-rerank-v3.5\n"
    )


def test_a_run_reads_back_in_the_order_of_the_ranking_whatever_the_scores(tmp_path: Path) -> None:
    ranking = Ranking((("z", 0.0), ("a", 0.0), ("m", 3.0)))
    write_run(tmp_path / "a.run", {"q": ranking}, "x")

    assert [document for document, _ in read_run(tmp_path / "a.run")["q"]] == ["z", "a", "m"]


def test_judgements_read_back(tmp_path: Path) -> None:
    judged = {"q": {"a": 2, "b": -1}}
    write_qrels(tmp_path / "qrels.txt", judged)

    assert read_qrels(tmp_path / "qrels.txt") == judged


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("cohere:rerank-v3.5", "cohere-rerank-v3.5"),
        ("../../x y", "x-y"),
        ("///", "model"),
        ("größe", "größe"),
    ],
)
def test_a_name_becomes_one_word(name: str, file: str) -> None:
    assert file_name(name) == file
