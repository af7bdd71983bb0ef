"""A ranker of the library `rerankers` as a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localrank.contract.errors import InvalidRequestError, InvalidResponseError
from localrank.contract.model import DoRerankOptions, ScoredIndex
from localrank.contract.types import ScoreKind
from localrank.integrations.foreign import ForeignReranker, Scoring, by_rank, type_name

__all__ = ["from_rerankers"]

_NAMES = ("model_name", "model_name_or_path")
_ORDINAL = ("RankGPTRanker", "RankLLMRanker")
"""Rankers that generate an order and no scores."""


def from_rerankers(
    ranker: Any,
    *,
    model_id: str | None = None,
    score_kind: ScoreKind | None = None,
    scores_comparable: bool | None = None,
    batch_size: int = 32,
) -> ForeignReranker:
    """Return a model that ranks with `ranker.rank`.

    Args:
        ranker: What `rerankers.Reranker(…)` returns.
        model_id: Its name; None means the model's name or the ranker's class.
        score_kind: `ordinal` for a ranker that gives ranks and no scores. None means so for those that
            generate an order (`RankGPTRanker`, `RankLLMRanker`), else `unknown`.
        scores_comparable: False where a score depends on the other documents of the call.
        batch_size: Documents of one call; between two calls an abort or a deadline takes effect.

    Raises:
        InvalidRequestError: No `rank`.
    """
    if not callable(getattr(ranker, "rank", None)):
        raise InvalidRequestError(f"ranker of type {type_name(ranker)} has no rank.", hint="Pass a ranker.")
    kind: ScoreKind = score_kind or ("ordinal" if type_name(ranker) in _ORDINAL else "unknown")
    scoring = Scoring(kind, scores_comparable, None if kind == "ordinal" else batch_size)
    return ForeignReranker("rerankers", model_id or _name(ranker), _Rank(ranker, kind == "ordinal"), scoring)


def _name(ranker: Any) -> str:
    for name in _NAMES:
        value = getattr(ranker, name, None)
        if isinstance(value, str) and value.strip():
            return value
    return type_name(ranker)


@dataclass(frozen=True, slots=True)
class _Rank:
    ranker: Any
    ordinal: bool

    def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        ids = list(range(len(options.documents)))
        ranked = self.ranker.rank(query=options.query, docs=list(options.documents), doc_ids=ids)
        if self.ordinal:
            return by_rank([result.document.doc_id for result in ranked.results])
        if any(result.score is None for result in ranked.results):
            raise InvalidResponseError(
                f"{type_name(self.ranker)} gave ranks without scores.",
                hint='Pass score_kind="ordinal" to from_rerankers.',
            )
        return [ScoredIndex(result.document.doc_id, result.score) for result in ranked.results]
