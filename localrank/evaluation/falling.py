"""Scores that fall strictly, so that every tool that reads a run sees the order that the model gave."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["falling_scores", "score_text"]

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
