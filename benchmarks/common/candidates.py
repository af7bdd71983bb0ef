"""Candidates of queries, from runs or BM25, what a reranker makes of them, and how good that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localrank import rerank_sync
from localrank.evaluation import Collection
from localrank.evaluation.collection import Judgements
from localrank.evaluation.measures import measured
from localrank_transformers import OnnxReranker

__all__ = ["CANDIDATES", "TOP", "Ranking", "bm25", "judged", "ndcg", "reranked", "spread"]

Ranking = list[tuple[str, float]]
"""Document id and score, best first."""

TOP = 10
"""Places that are looked at; what `refined`, which has a use only with `top_k`, is asked for."""

CANDIDATES = 50


def judged(run: Mapping[str, Ranking], collection: Collection) -> dict[str, Ranking]:
    """Return the best 50 of each query that has a relevant document."""
    return {
        query: candidates[:CANDIDATES]
        for query, candidates in run.items()
        if any(grade > 0 for grade in collection.judgements.get(query, {}).values())
    }


def spread(candidates: dict[str, Ranking], count: int | None) -> dict[str, Ranking]:
    """Return `count` queries, spread evenly over the run; all of them for None."""
    if count is None or count >= len(candidates):
        return candidates
    names = list(candidates)
    chosen = [names[place * len(names) // count] for place in range(count)]
    return {name: candidates[name] for name in chosen}


def reranked(
    model: OnnxReranker, precision: str, collection: Collection, candidates: Mapping[str, Ranking]
) -> dict[str, Ranking]:
    """Return the model's ranking of each query's candidates; of `refined` the best 10 only."""
    top_k = TOP if precision == "refined" else None
    rankings = {}
    for query, found in candidates.items():
        documents = [collection.documents[document] for document, _ in found]
        result = rerank_sync(model, collection.queries[query], documents, top_k)
        rankings[query] = [(found[one.index][0], one.score) for one in result]
    return rankings


def ndcg(judgements: Judgements, rankings: Mapping[str, Ranking]) -> dict[str, float]:
    """Return nDCG@10 of each judged query, by ir-measures."""
    name = f"nDCG@{TOP}"
    grades = {query: judgements[query] for query in rankings if query in judgements}
    values = measured([name], grades, rankings).values[name]
    return {query: values[query] for query in grades}


def bm25(collection: Collection, queries: Sequence[str]) -> dict[str, Ranking]:
    """Return the best 50 of the whole collection for each query, by bm25s with its defaults.

    `localrank.evaluation` puts equal scores in the order of the collection; the results kept here are of bm25s' own order.
    """
    import bm25s  # type: ignore[import-untyped]  # noqa: PLC0415 - in the bench extra

    names = list(collection.documents)
    index = bm25s.BM25()
    texts = list(collection.documents.values())
    index.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)
    tokens = bm25s.tokenize([collection.queries[query] for query in queries], show_progress=False)
    found, scores = index.retrieve(tokens, k=CANDIDATES, show_progress=False)
    return {
        query: [(names[int(place)], float(score)) for place, score in zip(places, values, strict=True)]
        for query, places, values in zip(queries, found, scores, strict=True)
    }
