"""Ask the model only when it pays: where the list is long enough, the retriever unsure, or a function says so."""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable

from localrank.compose.wrapping.stages import Stages
from localrank.compose.wrapping.wrapper import Transparent, name_of, refuse
from localrank.contract.cancellation import raise_if_aborted
from localrank.contract.model import AnyReranker, DoRerankOptions, DoRerankResult
from localrank.contract.types import RerankWarning
from localrank.providers.annotations import check_types
from localrank.providers.arguments import whole_number
from localrank.providers.unscored import RestUnscored

__all__ = ["RerankIf", "When"]

RerankIf = Callable[[DoRerankOptions], bool | Awaitable[bool]]
"""Says of a request whether the model is to be asked; sync or async."""


class When(Transparent):
    """Asks the model where every rule given holds; else the documents stay in the caller's order, unscored.

    A call that does not ask the model has the outcome `skipped` and one warning, `rerank_skipped`, which names the rule. Its
    documents are marked `metadata["scored"] = False`, so `min_score` leaves none of them.

    Args:
        model: The model that is to be spared.
        rerank_if: Called with the request; the model is asked where it returns True. What it raises fails the call.
        min_documents: The model is asked for so many documents or more.
        margin: The model is asked where the best first-stage score is less than this above the second best, on the retriever's
            own scale: else the retriever is sure of its first place. A call without `first_stage_scores`, or with one document
            only, is as if this rule were absent; without scores a warning says so.

    Raises:
        InvalidRequestError: No rule, or one out of range.
    """

    def __init__(
        self,
        model: AnyReranker | str,
        rerank_if: RerankIf | None = None,
        *,
        min_documents: int | None = None,
        margin: float | None = None,
    ) -> None:
        check_types(locals(), When.__init__)
        if rerank_if is not None and not callable(rerank_if):
            raise refuse(
                f"rerank_if is of type {type(rerank_if).__name__}.", "Pass a function of the request."
            )
        fewest = whole_number(min_documents)
        if min_documents is not None and (fewest is None or fewest < 1):
            raise refuse(f"min_documents is {min_documents!r}.", "Pass an integer of at least 1.")
        if margin is not None and not (math.isfinite(margin) and margin > 0):
            raise refuse(
                f"margin is {margin!r}.", "Pass a positive number, on the scale of the retriever's scores."
            )
        if rerank_if is None and fewest is None and margin is None:
            raise refuse("When has no rule.", "Pass rerank_if, min_documents or margin.")
        super().__init__("when", model)
        self.rerank_if, self.min_documents, self.margin = rerank_if, fewest, margin

    @property
    def scores_comparable(self) -> bool:
        """Always False: whether the model is asked depends on the whole list."""
        return False

    @property
    def max_documents_per_call(self) -> int | None:
        """None: the rules look at the whole list, and the model splits it itself."""
        return None

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Look at the rules, then ask the model or leave it."""
        stages = Stages(options, self.provider)
        reason = await self._reason_not_to(options)
        raise_if_aborted(options.abort_event)
        if reason is not None:
            count = len(options.documents)
            options.report_progress(count, count)
            return stages.answer(RestUnscored([], count), warnings=[self._skipped(reason)])
        answer = await stages.call(self.model, options)
        if answer is None:
            return stages.out_of_time()
        return stages.answer(answer.results, warnings=self._remarks(options))

    async def _reason_not_to(self, options: DoRerankOptions) -> str | None:
        """Return why the model is not asked, or None where it is."""
        count = len(options.documents)
        if self.min_documents is not None and count < self.min_documents:
            return f"there are {count} documents, fewer than min_documents={self.min_documents}"
        lead = _lead(options.first_stage_scores)
        if self.margin is not None and lead is not None and lead >= self.margin:
            return f"the first stage's best score leads by {lead:.3g}, margin={self.margin:g} or more"
        if self.rerank_if is not None:
            wanted = self.rerank_if(options)
            if not (await wanted if inspect.isawaitable(wanted) else wanted):
                return "rerank_if said so"
        return None

    def _skipped(self, reason: str) -> RerankWarning:
        return RerankWarning(
            "rerank_skipped",
            f"{name_of(self.model)} was not asked: {reason}. The documents stand in your order, marked "
            "metadata['scored'] = False.",
            feature="model",
        )

    def _remarks(self, options: DoRerankOptions) -> list[RerankWarning]:
        if self.margin is None or options.first_stage_scores is not None:
            return []
        message = "When(margin=…) compares first_stage_scores, and the call has none: the model was asked."
        return [RerankWarning("unsupported", message, feature="first_stage_scores")]


def _lead(scores: tuple[float, ...] | None) -> float | None:
    """Return how far the best score is above the second best; None where there are no two."""
    if scores is None or len(scores) < 2:
        return None
    best, second = sorted(scores, reverse=True)[:2]
    return best - second
