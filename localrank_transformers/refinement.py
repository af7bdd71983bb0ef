"""Int8 over everything, then float32 over the best: how many are scored again, and when that pays. Pure."""

from __future__ import annotations

__all__ = ["MARGIN", "UNREFINED_TIER", "refined_count"]

UNREFINED_TIER = 1
"""What kept its int8 score stands below everything that was scored in float32."""

MARGIN = 3
"""Documents beyond `top_k` that are scored again: int8 moves a document a few places, rarely more. Of float32's best ten of 60,
.990, .996 and 1.000 are returned with 2, 3 and 5 more (a cross-encoder, 150 lists of six collections), and .998, .999 and 1.000
(the embedded model, 120 lists); the first is always float32's."""

_PAYS_FROM = 2
"""Below this many times the refined documents, float32 over everything is as quick."""


def refined_count(documents: int, top_k: int | None) -> int | None:
    """Return how many of the best are scored again in float32, or None where all of them should be, at once."""
    if top_k is None or documents < _PAYS_FROM * (top_k + MARGIN):
        return None
    return top_k + MARGIN
