"""Batches of texts that lie close to each other, so that a student sees the differences that a reranker has to see."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["neighbourhoods"]

Places = NDArray[np.int64]
Floats = NDArray[np.float32]

_AROUND = 128
"""Nearest texts from which a neighbourhood is drawn."""

_SHORT = 40
"""Tokens below which a text is a query or a heading rather than a passage."""

_SHORT_SHARE = 0.3
_BLOCK = 64


def neighbourhoods(pooled: Floats, lengths: Places, *, size: int, seed: int) -> Iterator[Places]:
    """Yield for ever the places of a random text and of `size` − 1 of its nearest, at most three in ten of them short.

    Args:
        pooled: One row of length 1 a text.
        lengths: Tokens of each text.
        size: Texts of a neighbourhood.
        seed: Of what is drawn.
    """
    dice = np.random.default_rng(seed)
    around = min(_AROUND, len(pooled) - 1)
    while True:
        seeds = dice.permutation(len(pooled))[:_BLOCK]
        near = np.argpartition(-(pooled[seeds] @ pooled.T), around, axis=1)[:, : around + 1]
        for place, own in zip(seeds, near, strict=True):
            others = dice.permutation(own[own != place])
            short = others[lengths[others] < _SHORT][: int(size * _SHORT_SHARE)]
            long = others[lengths[others] >= _SHORT]
            drawn = np.concatenate([[place], short, long, others])
            yield drawn[np.sort(np.unique(drawn, return_index=True)[1])][:size]
