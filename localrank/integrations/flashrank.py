"""A `Ranker` of FlashRank as a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError, InvalidResponseError
from localrank.contract.model import DoRerankOptions, ScoredIndex
from localrank.integrations.foreign import ForeignReranker, Scoring, by_rank, type_name

__all__ = ["from_flashrank"]


def from_flashrank(ranker: Any, *, model_id: str | None = None, batch_size: int = 32) -> ForeignReranker:
    """Return a model that ranks with `ranker.rerank`.

    A FlashRank model that generates an order (`rank_zephyr…`) gives ordinal scores, that of any other is a probability
    (https://github.com/PrithivirajDamodaran/FlashRank, `Ranker.rerank`).

    Args:
        ranker: A `flashrank.Ranker`.
        model_id: Its name; None means the folder it was loaded from.
        batch_size: Passages of one call; between two calls an abort or a deadline takes effect.

    Raises:
        InvalidRequestError: No `rerank`.
    """
    if not callable(getattr(ranker, "rerank", None)):
        raise InvalidRequestError(f"ranker of type {type_name(ranker)} has no rerank.", hint="Pass a Ranker.")
    listwise = getattr(ranker, "llm_model", None) is not None
    name = model_id or Path(getattr(ranker, "model_dir", type_name(ranker))).name
    scoring = Scoring("ordinal") if listwise else Scoring("probability", batch_size=batch_size)
    return ForeignReranker("flashrank", name, _Rerank(ranker, listwise), scoring)


@dataclass(frozen=True, slots=True)
class _Request:
    """What `Ranker.rerank` reads of a `RerankRequest`."""

    query: str
    passages: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Rerank:
    ranker: Any
    listwise: bool

    def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        passages = [{"id": index, "text": text} for index, text in enumerate(options.documents)]
        ranked = self.ranker.rerank(_Request(options.query, passages))
        if self.listwise:
            return by_rank([passage["id"] for passage in ranked])
        if any("score" not in passage for passage in ranked):
            raise InvalidResponseError("The FlashRank ranker returned passages without a score.")
        return [ScoredIndex(passage["id"], passage["score"]) for passage in ranked]
