"""Rankings and judgements as TREC's files, for any other tool: with scores that fall, since other tools sort by them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from localrank.evaluation.collection import Judgements
from localrank.evaluation.results import Ranking
from localrank.providers.files import replace_file

__all__ = ["falling_scores", "file_name", "score_text", "write_qrels", "write_run"]


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


_SMALLEST_STEP = 1e-9
"""Below zero a step of the smallest float32 would be lost in tools that flush tiny numbers to zero."""


def falling_scores(scores: Sequence[float]) -> list[float]:
    """Return `scores` as float32 values, each lowered as little as needed to stand below the one before.

    trec_eval, and with it pytrec_eval and ir-measures, holds scores as float32 and orders equal ones by the document's name,
    not by place in the run (NIST trec_eval, form_res_rels.c). A score that is a mere order, and documents that a model left
    unranked, may even rise from one place to the next.
    """
    import numpy  # noqa: PLC0415 - evaluation may be imported without it

    fallen: list[float] = []
    for score in scores:
        value = numpy.float32(score)
        if fallen and value >= fallen[-1]:
            before = numpy.float32(fallen[-1])
            lower = numpy.nextafter(before, numpy.float32("-inf"))
            value = min(lower, numpy.float32(before - numpy.float32(_SMALLEST_STEP)))
        fallen.append(float(value))
    return fallen


def score_text(score: float) -> str:
    """Return a float32 value in as many digits as bring it back exactly."""
    return f"{score:.9g}"
