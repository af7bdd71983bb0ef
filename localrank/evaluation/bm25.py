"""BM25 over a collection, by bm25s with its defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from localrank.providers.extras import imported

__all__ = ["bm25_run"]


def bm25_run(
    documents: Mapping[str, str],
    queries: Mapping[str, str],
    count: int,
    *,
    pools: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, list[tuple[str, float]]]:
    """Return the best `count` documents of each query, best first; of equal scores the earlier document stands first.

    Args:
        documents: What is indexed: word statistics come from all of them.
        queries: Query id → text.
        count: How many a query gets.
        pools: Query id → the only documents it may get.

    Raises:
        MissingDependencyError: bm25s is not installed.
    """
    bm25s = imported("bm25s", "BM25 as the first stage", "eval")
    names = list(documents)
    places = {name: place for place, name in enumerate(names)}
    index = bm25s.BM25()
    index.index(
        bm25s.tokenize(list(documents.values()), show_progress=False, return_ids=True), show_progress=False
    )
    tokens = bm25s.tokenize(list(queries.values()), show_progress=False, return_ids=False)
    run: dict[str, list[tuple[str, float]]] = {}
    for query, words in zip(queries, tokens, strict=True):
        scores = _scores(index, words, len(names))
        allowed = range(len(names)) if not pools else sorted(places[name] for name in pools[query])
        best = sorted(allowed, key=lambda place, scores=scores: -scores[place])[:count]
        run[query] = [(names[place], float(scores[place])) for place in best]
    return run


def _scores(index: Any, words: Sequence[str], count: int) -> Sequence[float]:
    known = [word for word in words if word in index.vocab_dict]
    if not known:
        return [0.0] * count
    scores: Sequence[float] = index.get_scores(known).tolist()
    return scores
