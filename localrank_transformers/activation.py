"""A logit into a score."""

from __future__ import annotations

import math
from typing import Literal

__all__ = ["Activation", "score"]

Activation = Literal["sigmoid", "none"]
"""`sigmoid`: 1 / (1 + e⁻ˣ) of the single logit, and for two labels the softmax of the positive one, which is the sigmoid of the
difference. `none`: the logit as it is."""


def score(margin: float, activation: Activation) -> float:
    """Return the score of one margin, in float64, where a sigmoid does not saturate into ties."""
    if activation == "none":
        return margin
    if margin >= 0:
        return 1.0 / (1.0 + math.exp(-margin))
    exponential = math.exp(margin)
    return exponential / (1.0 + exponential)
