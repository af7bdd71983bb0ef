"""How far two versions of a model rank alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Agreement", "compare"]

Scores = Sequence[float]

_SHORT_LIST = 5


@dataclass(frozen=True, slots=True)
class Agreement:
    """Figures over lists of candidates, each list one query's.

    Attributes:
        lists: How many lists were compared.
        spearman: Mean rank correlation.
        same_first: Share of lists with the same document first.
        top_5_overlap: Mean share of the best five that both have.
        mean_change: Mean absolute change of a logit.
    """

    lists: int
    spearman: float
    same_first: float
    top_5_overlap: float
    mean_change: float


def compare(reference: Sequence[Scores], other: Sequence[Scores]) -> Agreement:
    """Compare logits list by list; both hold the same documents in the same order."""
    pairs = [(np.asarray(a, float), np.asarray(b, float)) for a, b in zip(reference, other, strict=True)]
    return Agreement(
        lists=len(pairs),
        spearman=float(np.mean([_spearman(a, b) for a, b in pairs])),
        same_first=float(np.mean([a.argmax() == b.argmax() for a, b in pairs])),
        top_5_overlap=float(np.mean([_overlap(a, b) for a, b in pairs])),
        mean_change=float(np.mean(np.concatenate([np.abs(a - b) for a, b in pairs]))),
    )


def _spearman(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    if len(a) < 2:
        return 1.0
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.argsort(np.argsort(-values, kind="stable"), kind="stable")


def _overlap(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    count = min(_SHORT_LIST, len(a))
    best_a, best_b = (set(np.argsort(-values, kind="stable")[:count].tolist()) for values in (a, b))
    return len(best_a & best_b) / count
