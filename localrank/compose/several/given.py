"""Orders that are given already, as models: the caller's own, and the retriever's scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

from localrank.compose.wrapping.wrapper import checked_numbers, refuse
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, ScoreKind
from localrank.providers.annotations import check_types
from localrank.providers.remarks import unread_settings

__all__ = ["Identity", "Retrieved"]


class Identity:
    """Keeps the caller's order. Its scores are ordinal: the reciprocal of the rank."""

    provider = "identity"
    reads_images = True  # nothing is read
    model_id = "callers-order"
    scores_comparable = False
    score_kind: ScoreKind = "ordinal"

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Rank the documents as they came."""
        results = [ScoredIndex(index, 1 / (index + 1)) for index in range(len(options.documents))]
        warnings = unread_settings(options, self.provider)
        return DoRerankResult(results[: options.top_k], usage=RerankUsage(input_tokens=0), warnings=warnings)

    def __repr__(self) -> str:
        return "Identity()"


class Retrieved:
    """Ranks by the scores that the documents already have from retrieval.

    Args:
        scores: One a document, for a call with just these documents. None reads `first_stage_scores` of each call, which is
            what a wrapper that hands on a part of the documents needs.

    Raises:
        InvalidRequestError: A score is no finite number; or, when called, there are no scores or not one a document.
    """

    provider = "retrieved"
    reads_images = True  # nothing is read
    scores_comparable = False
    score_kind: ScoreKind = "unknown"

    def __init__(self, scores: Sequence[float] | None = None) -> None:
        check_types(locals(), Retrieved.__init__)
        self._scores = None if scores is None else checked_numbers("scores", scores)
        self.model_id = "first-stage-scores" if scores is None else "given-scores"
        for index, score in enumerate(self._scores or ()):
            if not math.isfinite(score):
                raise refuse(f"scores[{index}] is {score}.", "Pass finite numbers.")

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Rank by the retriever's scores."""
        scores = options.first_stage_scores if self._scores is None else self._scores
        if scores is None:
            raise refuse(
                "first_stage_scores is None, and Retrieved() ranks by them.",
                "Pass first_stage_scores= with the retriever's score of each document.",
            )
        if len(scores) != len(options.documents):
            raise refuse(
                f"Retrieved has {len(scores)} scores for {len(options.documents)} documents.",
                "Pass one score a document: first_stage_scores= follows a call's documents, Retrieved(scores) does not.",
            )
        results = [ScoredIndex(index, score) for index, score in enumerate(scores)]
        warnings = unread_settings(options, self.provider)
        return DoRerankResult(results, usage=RerankUsage(input_tokens=0), warnings=warnings)

    def __repr__(self) -> str:
        return f"<Retrieved {self.model_id}>"
