"""A teacher's scores for training lists: any model that `localrank.rerank` takes, asked list by list."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import anyio

from localrank.contract.model import AnyReranker, DoRerankOptions, ScoredIndex
from localrank.providers.calls import call_model
from localrank.providers.registry import resolve
from localrank_transformers.training.data.lists import TrainingList

__all__ = ["logits_by", "taught"]

_LARGEST = 30.0
"""A probability that was rounded to 0 or 1 stands for this logit."""


def taught(model: str, lists: Sequence[TrainingList]) -> list[TrainingList]:
    """Return the lists with the teacher's logits as their scores.

    Args:
        model: The teacher, in any form that `localrank.rerank` takes.
        lists: What it scores; scores that they hold are replaced.

    Raises:
        UnknownModelError: There is no such model.
        RerankError: What the model itself raises.
    """
    scores = logits_by(resolve(model), lists)
    return [replace(example, scores=tuple(own)) for example, own in zip(lists, scores, strict=True)]


def logits_by(model: AnyReranker, lists: Sequence[TrainingList]) -> list[list[float]]:
    """Return the logits that `model` gives to the documents of each list, in their order.

    Its own event loop runs in a thread, so that this works where another runs already.
    """
    stop = threading.Event()

    async def score() -> list[list[float]]:
        logits = []
        for example in lists:
            answer = await call_model(
                model, DoRerankOptions(example.query, example.documents, abort_event=stop)
            )
            by_index = {item.index: _logit(item) for item in answer.results}
            logits.append([by_index[index] for index in range(len(example.documents))])
        return logits

    with ThreadPoolExecutor(1) as pool:
        try:
            return pool.submit(anyio.run, score).result()
        except BaseException:
            stop.set()
            raise


def _logit(item: ScoredIndex) -> float:
    if item.metadata is not None and isinstance(item.metadata.get("logit"), (int, float)):
        return float(item.metadata["logit"])
    if not 0 <= item.score <= 1:
        return float(item.score)
    if item.score in {0.0, 1.0}:
        return math.copysign(_LARGEST, item.score - 0.5)
    return math.log(item.score / (1 - item.score))
