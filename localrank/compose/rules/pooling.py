"""The scores of a document's chunks into one score of the document. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

__all__ = ["Pool", "pooled"]

Pool = Literal["max", "first", "mean", "top3"]


def pooled(scores: Sequence[float], pool: Pool) -> float:
    """Return the document's score.

    Args:
        scores: One a chunk, in the order of the text; at least one.
        pool: `max` (the best chunk), `first` (the beginning), `mean` (all alike) or `top3` (the mean of the best three). `max`
            and `first` are MaxP and FirstP of Dai and Callan, "Deeper Text Understanding for IR with Contextual Neural
            Language Modeling", SIGIR 2019.
    """
    if pool == "max":
        return max(scores)
    if pool == "first":
        return scores[0]
    taken = sorted(scores, reverse=True)[:3] if pool == "top3" else scores
    return math.fsum(taken) / len(taken)
