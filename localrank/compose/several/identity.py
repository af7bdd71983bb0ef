"""The caller's own order as a ranking: a last resort that cannot fail."""

from __future__ import annotations

from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, ScoreKind
from localrank.providers.remarks import unread_instruction, unread_options

__all__ = ["Identity"]


class Identity:
    """Keeps the caller's order. Its scores are ordinal: the reciprocal of the rank."""

    provider = "identity"
    model_id = "callers-order"
    scores_comparable = False
    score_kind: ScoreKind = "ordinal"

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Rank the documents as they came."""
        results = [ScoredIndex(index, 1 / (index + 1)) for index in range(len(options.documents))]
        warnings = [*unread_options(options, self.provider), *unread_instruction(options, self.provider)]
        return DoRerankResult(results[: options.top_k], usage=RerankUsage(input_tokens=0), warnings=warnings)

    def __repr__(self) -> str:
        return "Identity()"
