"""Rankings and judgements as TREC's files, for any other tool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from localrank.evaluation.collection import Judgements
from localrank.evaluation.results import Ranking
from localrank.providers.annotations import check_types
from localrank.providers.files import replace_file
from localrank.providers.trec import file_name, run_lines

__all__ = ["write_qrels", "write_run"]


def write_run(path: Path, rankings: Mapping[str, Ranking], tag: str) -> None:
    """Write `query Q0 document rank score tag` lines, ranks from 1.

    Scores fall strictly, lowered by as little as needed, so that a tool that sorts by them finds the order of the ranking.
    """
    check_types(locals(), write_run)
    word = file_name(tag)
    lines = (
        line for query, ranking in rankings.items() for line in run_lines(query, ranking.documents, word)
    )
    replace_file(path, "".join(lines))


def write_qrels(path: Path, judgements: Judgements) -> None:
    """Write `query 0 document grade` lines."""
    check_types(locals(), write_qrels, Judgements=Mapping)
    lines = [
        f"{query} 0 {document} {grade}\n"
        for query, grades in judgements.items()
        for document, grade in grades.items()
    ]
    replace_file(path, "".join(lines))
