"""How far two versions of a model rank alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from localrank_transformers.graph_record import Agreement

__all__ = ["compare"]

Scores = Sequence[float]


def compare(reference: Sequence[Scores], other: Sequence[Scores]) -> Agreement:
    """Compare logits list by list; both hold the same documents in the same order."""
    pairs = [(np.asarray(a, float), np.asarray(b, float)) for a, b in zip(reference, other, strict=True)]
    changes = np.concatenate([np.abs(a - b) for a, b in pairs])
    return Agreement(
        lists=len(pairs),
        pairs=len(changes),
        spearman=float(np.mean([_spearman(a, b) for a, b in pairs])),
        same_first=float(np.mean([a.argmax() == b.argmax() for a, b in pairs])),
        top_5_overlap=float(np.mean([_overlap(a, b, 5) for a, b in pairs])),
        top_10_overlap=float(np.mean([_overlap(a, b, 10) for a, b in pairs])),
        mean_change=float(np.mean(changes)),
        max_change=float(np.max(changes)),
    )


def _spearman(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    if len(a) < 2:
        return 1.0
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.argsort(np.argsort(-values, kind="stable"), kind="stable")


def _overlap(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], longest: int) -> float:
    count = min(longest, len(a))
    best_a, best_b = (set(np.argsort(-values, kind="stable")[:count].tolist()) for values in (a, b))
    return len(best_a & best_b) / count
