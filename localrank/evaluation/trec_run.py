"""Rankings and judgements as TREC's files, for any other tool."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from localrank.evaluation.collection import Judgements
from localrank.evaluation.falling import falling_scores, score_text
from localrank.evaluation.results import Ranking
from localrank.providers.files import replace_file

__all__ = ["file_name", "write_qrels", "write_run"]


def write_run(path: Path, rankings: Mapping[str, Ranking], tag: str) -> None:
    """Write `query Q0 document rank score tag` lines, ranks from 1.

    Scores fall strictly, lowered by as little as needed, so that a tool that sorts by them finds the order of the ranking.
    """
    word = file_name(tag)
    lines = []
    for query, ranking in rankings.items():
        scores = falling_scores([score for _, score in ranking.documents])
        for rank, ((document, _), score) in enumerate(zip(ranking.documents, scores, strict=True), 1):
            lines.append(f"{query} Q0 {document} {rank} {score_text(score)} {word}\n")
    replace_file(path, "".join(lines))


def write_qrels(path: Path, judgements: Judgements) -> None:
    """Write `query 0 document grade` lines."""
    lines = [
        f"{query} 0 {document} {grade}\n"
        for query, grades in judgements.items()
        for document, grade in grades.items()
    ]
    replace_file(path, "".join(lines))


def file_name(name: str) -> str:
    """Return a system's name as one word that a file may be called."""
    return re.sub(r"[^\w.+-]+", "-", name).strip("-.") or "model"
