"""Hard negatives by BM25: texts of the collection that look like an answer and are not known to be one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from localrank.contract.errors import InvalidDataError
from localrank.providers.extras import imported
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.request import MiningSettings

__all__ = ["Hits", "Retriever", "bm25_retriever", "collection", "guarded", "with_negatives"]

Hits = list[tuple[int, float]]
"""Places in the collection and their scores, best first."""

Retriever = Callable[[Sequence[str], int], list[Hits]]
"""Takes queries and how many texts each gets."""


def collection(lists: Iterable[TrainingList]) -> list[str]:
    """Return every text of the lists once, in order."""
    return list(dict.fromkeys(text for example in lists for text in example.documents))


def with_negatives(
    lists: Sequence[TrainingList],
    texts: Sequence[str],
    retriever: Retriever,
    settings: MiningSettings,
    *,
    seed: int,
) -> list[TrainingList]:
    """Return the lists; those that have positives and nothing else get negatives out of `texts`.

    Never a text that equals a positive of the same query but for case and space.
    """
    lacking = [
        index for index, example in enumerate(lists) if not example.has_negatives and example.positives
    ]
    retrieved = retriever([lists[index].query for index in lacking], settings.depth)
    dice = random.Random(seed)  # noqa: S311  # a draw, no secret
    grown = list(lists)
    for index, hits in zip(lacking, retrieved, strict=True):
        grown[index] = _grown(lists[index], texts, hits, settings, dice)
    return grown


def guarded(example: TrainingList, texts: Sequence[str], hits: Hits, settings: MiningSettings) -> list[str]:
    """Return the texts among `hits` that may be negatives of `example`, best first."""
    positives = {_plain(text) for text in example.positives}
    scores = [score for index, score in hits if _plain(texts[index]) in positives]
    ceiling = None if settings.margin is None or not scores else min(scores) * settings.margin
    return [
        texts[index]
        for index, score in hits[settings.skip_first : settings.depth]
        if _plain(texts[index]) not in positives and (ceiling is None or score < ceiling)
    ]


def _grown(
    example: TrainingList, texts: Sequence[str], hits: Hits, settings: MiningSettings, dice: random.Random
) -> TrainingList:
    easy = round(settings.count * settings.random_share)
    negatives = guarded(example, texts, hits, settings)[: settings.count - easy]
    known = {_plain(text) for text in (*example.positives, *negatives)}
    drawn = [texts[index] for index in dice.sample(range(len(texts)), min(len(texts), settings.count * 2))]
    for text in drawn:
        if len(negatives) >= settings.count:
            break
        if _plain(text) not in known:
            known.add(_plain(text))
            negatives.append(text)
    if not negatives:
        raise InvalidDataError(
            "The data hold no text that could be a negative.",
            hint="Add negatives, or more queries with other answers.",
        )
    labels = (*(example.labels or ()), *([0.0] * len(negatives)))
    return replace(example, documents=(*example.documents, *negatives), labels=labels)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def bm25_retriever(texts: Sequence[str]) -> Retriever:
    """Return a retriever by BM25 over `texts` (the package bm25s).

    Raises:
        MissingDependencyError: The package bm25s is absent.
    """
    bm25s = imported("bm25s", "Mining negatives", "train")
    index = bm25s.BM25()
    index.index(bm25s.tokenize(list(texts), stopwords="en", show_progress=False), show_progress=False)

    def retrieve(queries: Sequence[str], depth: int) -> list[Hits]:
        if not queries:
            return []
        tokens = bm25s.tokenize(list(queries), stopwords="en", show_progress=False)
        places, scores = index.retrieve(tokens, k=min(depth, len(texts)), show_progress=False)
        return [
            [(int(index), float(score)) for index, score in zip(*row, strict=True)]
            for row in zip(places, scores, strict=True)
        ]

    return retrieve
