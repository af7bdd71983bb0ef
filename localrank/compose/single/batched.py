"""Long lists in batches: split, scored, merged, where scores can be compared."""

from __future__ import annotations

from localrank.compose.wrapping.stages import DOCUMENTS_AT_ONCE, Stages
from localrank.compose.wrapping.wrapper import Transparent, refuse, refuse_incomparable
from localrank.contract.model import AnyReranker, DoRerankOptions, DoRerankResult
from localrank.providers.annotations import check_types
from localrank.providers.splitting import rerank_in_parts
from localrank.providers.unscored import unscored

__all__ = ["Batched"]


class Batched(Transparent):
    """Sends at most `max_documents` a call, and merges the answers; the first failure stops the other batches.

    Args:
        model: A model whose scores do not depend on the other documents of the call.
        max_documents: Documents a call, at least 1.
        max_parallel: Calls at once, at least 1.

    Raises:
        InvalidRequestError: A number out of range, or a listwise or ordinal model.
    """

    def __init__(self, model: AnyReranker | str, *, max_documents: int, max_parallel: int = 4) -> None:
        check_types(locals(), Batched.__init__)
        if max_documents < 1 or max_parallel < 1:
            raise refuse(
                f"max_documents is {max_documents!r}, max_parallel {max_parallel!r}.",
                "Pass integers of at least 1.",
            )
        super().__init__("batched", model)
        refuse_incomparable("Batched", self.model, "Such a model has to see the whole list in one call.")
        self.max_documents, self.max_parallel = max_documents, max_parallel
        self.documents_at_once = max(DOCUMENTS_AT_ONCE, 4 * max_documents * max_parallel)

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Split, ask for each batch, merge."""
        stages = Stages(options, self.provider)

        async def ask(part: DoRerankOptions) -> DoRerankResult:
            answer = await stages.call(self.model, part)
            return answer or DoRerankResult(unscored(range(len(part.documents))))

        answers = await rerank_in_parts(
            ask, options, max_documents=self.max_documents, max_parallel=self.max_parallel
        )
        return stages.answer([item for answer in answers for item in answer.results])
