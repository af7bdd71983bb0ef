"""A logit into a score."""

from __future__ import annotations

import math

from localrank_transformers.call.contract import Activation

__all__ = ["score"]


def score(margin: float, activation: Activation) -> float:
    """Return the score of one margin, in float64, where a sigmoid does not saturate into ties."""
    if activation == "none":
        return margin
    if margin >= 0:
        return 1.0 / (1.0 + math.exp(-margin))
    exponential = math.exp(margin)
    return exponential / (1.0 + exponential)
