"""vLLM's `/score`: pairs of texts, each with its own score, in the order in which they came.

Shape: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from localrank.server.dialects.cohere import Refusal, Usage, refuse_in_every_shape
from localrank.server.dialects.shape import Body, Dialect
from localrank.server.dialects.wire import Answer, RankRequest, RefusedError

__all__ = ["SCORE", "SCORE_PATHS", "ScoreBody", "write_scores"]

SCORE_PATHS = ("/score", "/v1/score")


class ScoreBody(Body, kw_only=True):
    """One text against many, or two lists of one length, under any of four pairs of names."""

    text_1: str | list[str] | None = None
    text_2: str | list[str] | None = None
    data_1: str | list[str] | None = None
    data_2: str | list[str] | None = None
    queries: str | list[str] | None = None
    documents: str | list[str] | None = None
    items: str | list[str] | None = None
    model: str | None = None
    instruction: str | None = None
    use_activation: bool | None = None

    def pairs(self) -> list[tuple[str, str]]:
        """Return query and document of each pair.

        Raises:
            RefusedError: A side is missing or empty, or the two do not go together.
        """
        left = _first(self.text_1, self.data_1, self.queries)
        right = _first(self.text_2, self.data_2, self.documents, self.items)
        if not left or not right:
            raise RefusedError(400, "A score needs text_1 and text_2, neither empty.", "invalid_request")
        if len(left) == 1:
            left = left * len(right)
        if len(left) != len(right):
            raise RefusedError(
                400,
                f"There are {len(left)} first and {len(right)} second texts; give one first text, or as many as second.",
                "invalid_request",
            )
        return list(zip(left, right, strict=True))

    def requests(self) -> list[tuple[RankRequest, list[int]]]:
        """Return one request a different query, with the places of its documents among the pairs."""
        places: dict[str, list[int]] = {}
        pairs = self.pairs()
        for place, (query, _) in enumerate(pairs):
            places.setdefault(query, []).append(place)
        return [
            (self._request(query, [pairs[at][1] for at in of_query]), of_query)
            for query, of_query in places.items()
        ]

    def _request(self, query: str, texts: list[str]) -> RankRequest:
        return RankRequest(
            query=query,
            texts=texts,
            originals=texts,
            model=self.model or None,
            instruction=self.instruction or None,
            raw_scores=self.use_activation is False,
        )


class ScoredPair(TypedDict):
    """One pair, at its place in the request."""

    index: int
    object: str
    score: float


class Scores(TypedDict):
    """The scores in the order of the pairs."""

    id: str
    object: str
    model: str
    data: list[ScoredPair]
    usage: Usage


def write_scores(answers: Sequence[tuple[Answer, list[int]]]) -> Scores:
    """Return the scores of all pairs in their order."""
    scores = {places[scored.index]: scored.score for answer, places in answers for scored in answer.ranked}
    first, tokens = answers[0][0], sum(answer.tokens for answer, _ in answers)
    return {
        "id": first.id,
        "object": "list",
        "model": first.model,
        "data": [{"index": place, "object": "score", "score": scores[place]} for place in sorted(scores)],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _first(*sides: str | list[str] | None) -> list[str]:
    for side in sides:
        if side is not None:
            return [side] if isinstance(side, str) else side
    return []


SCORE = Dialect(
    "score",
    ScoreBody,
    lambda answer: write_scores([(answer, [])]),
    refuse_in_every_shape,
    400,
    Scores,
    Refusal,
    SCORE_PATHS,
)
