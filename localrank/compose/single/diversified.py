"""Diversity: among relevant documents, those that say something new come first."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from localrank.compose.rules.mmr import Similarity, cosine_similarity, marginal_order, word_similarity
from localrank.compose.wrapping.stages import Stages
from localrank.compose.wrapping.wrapper import Wrapper, is_ordinal, refuse
from localrank.contract.cancellation import raise_if_aborted
from localrank.contract.errors import InvalidResponseError
from localrank.contract.model import (
    AnyReranker,
    DoRerankOptions,
    DoRerankResult,
    ScoredIndex,
    score_kind,
)
from localrank.contract.types import ScoreKind
from localrank.providers.annotations import check_types
from localrank.providers.arguments import whole_number
from localrank.providers.unscored import scored_part, with_scored
from localrank.providers.worker import run_in_thread

__all__ = ["Diversified", "Embed"]

Vectors = Sequence[Sequence[float]]
Embed = Callable[[Sequence[str]], Vectors | Awaitable[Vectors]]
"""Returns one vector a text; a function that is not async must not block."""

_INLINE_PAIRS = 5_000
"""Comparisons up to here take less time than the hop to a thread and back is worth."""


class Diversified(Wrapper):
    """Puts the model's best `candidates` in the order of maximal marginal relevance.

    Scores are ordinal, the reciprocal of the rank; the model's own is in `metadata["relevance"]`. What is not among the
    candidates follows below in the model's order, in a higher tier, marked `metadata["diversified"] = False`.

    Args:
        model: The model that judges relevance.
        lambda_: 1 keeps the model's order, 0 looks at difference alone.
        candidates: How many of the best take part, at least 1; `top_k` where that is more.
        embed: Gives one vector a text for the comparison; None compares the texts' words.

    Raises:
        InvalidRequestError: A number out of range.
    """

    def __init__(
        self,
        model: AnyReranker | str,
        *,
        lambda_: float = 0.7,
        candidates: int = 40,
        embed: Embed | None = None,
    ) -> None:
        check_types(locals(), Diversified.__init__)
        if not 0 <= lambda_ <= 1:
            raise refuse(f"lambda_ is {lambda_!r}.", "Pass a number from 0 to 1.")
        count = whole_number(candidates)
        if count is None or count < 1:
            raise refuse(f"candidates is {candidates!r}.", "Pass an integer of at least 1.")
        super().__init__("diversified", [model])
        self.model = self.models[0]
        self.lambda_, self.candidates, self._embed = lambda_, count, embed

    @property
    def needs_text(self) -> bool:
        """True: likeness is that of texts."""
        return True

    @property
    def score_kind(self) -> ScoreKind:
        """Always `ordinal`."""
        return "ordinal"

    @property
    def settings(self) -> tuple[object, ...]:
        """How much difference counts, among how many."""
        return (self.lambda_, self.candidates, getattr(self._embed, "__qualname__", ""))

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Rank by relevance, then choose one after the other."""
        stages = Stages(options, self.provider)
        wanted = None if options.top_k is None else max(options.top_k, self.candidates)
        if wanted is not None:
            wanted = min(wanted, len(options.documents))
        answer = await stages.call(self.model, replace(options, top_k=wanted))
        if answer is None:
            return stages.out_of_time()
        raise_if_aborted(options.abort_event)
        ranking = scored_part(answer.results)
        size = max(self.candidates, options.top_k or 0)
        pool = [item for item in ranking[:size] if item.tier == ranking[0].tier]
        count = len(pool) if options.top_k is None else min(len(pool), options.top_k)
        order = await self._order(pool, count, options)
        below = ranking[len(pool) :]
        results = [_ranked(pool[position], rank, 0) for rank, position in enumerate(order, start=1)]
        results += [_ranked(item, rank, 1) for rank, item in enumerate(below, start=len(pool) + 1)]
        return stages.answer(with_scored(answer.results, results))

    async def _order(self, pool: Sequence[ScoredIndex], count: int, options: DoRerankOptions) -> list[int]:
        texts = [options.documents[item.index] for item in pool]
        relevance = _relevance(pool, self.model)
        vectors: Vectors | None = None
        if self._embed is not None and texts:
            given = self._embed(texts)
            vectors = await given if inspect.isawaitable(given) else given
            if len(vectors) != len(texts):
                raise InvalidResponseError(
                    f"embed returned {len(vectors)} vectors for {len(texts)} texts.",
                    hint="Return one vector a text, in their order.",
                )
        work = partial(_chosen, texts, vectors, relevance, self.lambda_, count)
        if len(pool) * count <= _INLINE_PAIRS:
            return work()
        return await run_in_thread(work, stop=_let_it_end)


def _chosen(
    texts: Sequence[str], vectors: Vectors | None, relevance: Sequence[float], lambda_: float, count: int
) -> list[int]:
    similarity: Similarity = word_similarity(texts) if vectors is None else cosine_similarity(vectors)
    return marginal_order(relevance, similarity, lambda_=lambda_, count=count)


def _relevance(pool: Sequence[ScoredIndex], model: AnyReranker) -> list[float]:
    """Return scores in 0–1: probabilities as they are, places for ordinal ones, others between the list's ends."""
    if is_ordinal(model):
        return [1 - rank / len(pool) for rank in range(len(pool))]
    scores = [item.score for item in pool]
    if score_kind(model) == "probability" or not scores:
        return scores
    low, width = min(scores), max(scores) - min(scores)
    return [(score - low) / width if width else 1.0 for score in scores]


def _ranked(item: ScoredIndex, rank: int, tier: int) -> ScoredIndex:
    metadata = {**(item.metadata or {}), "relevance": item.score, "diversified": tier == 0}
    return ScoredIndex(item.index, 1 / rank, tier, item.truncated, metadata)


def _let_it_end() -> None:
    """Do nothing: choosing among some hundred documents takes milliseconds."""
