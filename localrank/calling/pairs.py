"""Score (query, document) pairs, for interfaces that ask for numbers and know no ranking."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from localrank.calling.logged import logged
from localrank.calling.many import rerank_many
from localrank.calling.sync import run_blocking
from localrank.contract.errors import InvalidResponseError
from localrank.contract.model import AnyReranker, score_kind
from localrank.contract.texts import is_blank
from localrank.providers.registry import resolve

__all__ = ["LOWEST", "score_pairs_sync"]

LOWEST = -3.4028234663852886e38
"""The lowest finite number of float32, in which the interfaces that ask for pairs hand scores on."""


def score_pairs_sync(model: AnyReranker | str, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Return the score of each (query, document) pair, in order; the documents of one query go out in one call.

    Scores of a model whose scores depend on the list, or are ordinal, are to be compared within one query only. A pair without
    a word on either side has the lowest score there is: 0 where scores are probabilities, else the lowest that float32 has.

    Raises:
        InvalidResponseError: The model left documents out, or placed some below others whatever their scores, so that numbers
            cannot say what it said.
        RerankError: Whatever the call raised.
    """
    reranker = resolve(model)
    places: dict[str, list[int]] = {}
    for position, (query, document) in enumerate(pairs):
        if not any(isinstance(text, str) and is_blank(text) for text in (query, document)):
            places.setdefault(query, []).append(position)
    questions = [
        (query, [pairs[position][1] for position in positions]) for query, positions in places.items()
    ]
    results = run_blocking(partial(rerank_many, reranker, questions))
    scores = [0.0 if score_kind(reranker) == "probability" else LOWEST] * len(pairs)
    for positions, result in zip(places.values(), results, strict=True):
        if len(result) != len(positions) or any(hit.tier for hit in result):
            raise InvalidResponseError(
                f"{reranker.provider}:{reranker.model_id} ranked its documents in tiers or left some out, which scores "
                "of pairs cannot show.",
                hint="Use an interface that returns a ranking, such as rerank().",
            )
        for hit in logged(result):
            scores[positions[hit.index]] = hit.score
    return scores
