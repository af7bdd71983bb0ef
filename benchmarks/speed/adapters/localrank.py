"""localrank through its public call; `refined` asks for the best 10, as it has no other use."""

from __future__ import annotations

from benchmarks.speed.adapters import Rank

TOP_K = 10


def load(folder: str, precision: str) -> Rank:
    """Load the folder; an empty name means the embedded model."""
    from localrank import rerank_sync  # noqa: PLC0415 - part of the cold start
    from localrank_transformers import OnnxReranker  # noqa: PLC0415

    model = OnnxReranker(folder or None, precision=precision)
    rerank_sync(model, "warm", ["up"])  # the constructor loads nothing
    top_k = TOP_K if precision == "refined" else None

    def rank(query: str, documents: list[str]) -> list[tuple[int, float]]:
        return [(one.index, one.score) for one in rerank_sync(model, query, documents, top_k)]

    return rank
