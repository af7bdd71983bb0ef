"""Lines of TREC runs, `query Q0 document rank score tag`, written so that other tools find the same order."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Sequence

__all__ = ["falling_scores", "file_name", "run_lines", "score_text"]

_SMALLEST_STEP: float = struct.unpack("<f", struct.pack("<f", 1e-9))[0]
"""Below zero a step of the smallest float32 would be lost in tools that flush tiny numbers to zero."""


def run_lines(query: str, ranking: Sequence[tuple[str, float]], tag: str) -> Iterator[str]:
    """Yield the lines of one query: ranks from 1, and scores that fall strictly.

    Args:
        query: The query's id.
        ranking: Ids of documents with their scores, best first.
        tag: One word: see `file_name`.
    """
    scores = falling_scores([score for _, score in ranking])
    for rank, ((document, _), score) in enumerate(zip(ranking, scores, strict=True), 1):
        yield f"{query} Q0 {document} {rank} {score_text(score)} {tag}\n"


def file_name(name: str) -> str:
    """Return a system's name as one word that a file may be called."""
    return re.sub(r"[^\w.+-]+", "-", name).strip("-.") or "model"


def falling_scores(scores: Sequence[float]) -> list[float]:
    """Return `scores` as float32 values, each lowered as little as needed to stand below the one before.

    trec_eval, and with it pytrec_eval and ir-measures, holds scores as float32 and orders equal ones by the document's name,
    not by place in the run (NIST trec_eval, form_res_rels.c). A score that is a mere order, and documents that a model left
    unranked, may even rise from one place to the next.
    """
    fallen: list[float] = []
    for score in scores:
        value = _float32(score)
        if fallen and value >= fallen[-1]:
            before = fallen[-1]
            value = min(_next_below(before), _float32(before - _SMALLEST_STEP))
        fallen.append(value)
    return fallen


def score_text(score: float) -> str:
    """Return a float32 value in as many digits as bring it back exactly."""
    return f"{score:.9g}"


_LARGEST: float = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]


def _float32(value: float) -> float:
    """Return the nearest float32; what is beyond the largest one is that."""
    try:
        near: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(_LARGEST, value)
    return near


def _next_below(value: float) -> float:
    """Return the float32 before a float32."""
    bits: int = struct.unpack("<i", struct.pack("<f", value or -0.0))[0]
    below: float = struct.unpack("<f", struct.pack("<i", bits - 1 if value > 0 else bits + 1))[0]
    return below
