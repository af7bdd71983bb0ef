"""Lists of any data to calibrate an int8 graph on: what a retriever would hand over for each query."""

from __future__ import annotations

import random
from pathlib import Path

from localrank_transformers.optimizing.sample_texts import Candidates
from localrank_transformers.training.data.development import as_candidates
from localrank_transformers.training.data.mining import bm25_retriever, collection
from localrank_transformers.training.data.reading import DEVELOPMENT, TRAINING, read_lists

__all__ = ["MOST_LISTS", "calibration_lists"]

MOST_LISTS = 400
"""More than that make int8 no better, and every one is scored several times."""

_DEPTH = 20


def calibration_lists(path: Path) -> tuple[list[Candidates], int]:
    """Return at most `MOST_LISTS` lists, drawn, and how many there were.

    A query whose data name no text but its answers gets the best of all texts by BM25 beside them.

    Args:
        path: A file or a folder that training reads.

    Raises:
        InvalidDataError: It cannot be read.
        MissingDependencyError: Candidates have to be found, and the package bm25s is absent.
    """
    lists = read_lists([path], splits=(*TRAINING, *DEVELOPMENT))
    texts = collection(lists)
    drawn = random.Random(0).sample(range(len(lists)), min(len(lists), MOST_LISTS))  # noqa: S311  # a draw, no secret
    chosen = [lists[index] for index in sorted(drawn)]
    if not all(example.has_negatives for example in chosen):
        chosen = as_candidates(chosen, texts, bm25_retriever(texts), depth=_DEPTH)
    return [Candidates(example.query, example.documents) for example in chosen], len(lists)
