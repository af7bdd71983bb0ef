"""One local call in its thread, top to bottom. It goes the same way whatever computes: kernels, ONNX Runtime or torch.

1. `LocalCall.run` is handed the model, which the first call loads.
2. `PointwiseModel.rank` has the family tokenize the query (`contract.Family`, `contract.Query`).
3. `passes.ScoringPass` tokenizes the documents a slice at a time, each different text once.
4. A `contract.Runner` plans which run together (`planner`) and runs them: on the process's cores (`passes.Cores`, `scheduler`,
   `cores`) or on torch's device (`engines.torch.runtime`).
5. The query's scorer makes a logit a document of what the engine computes, and the pass notes it.
6. With the precision `refined` all that was in int8, and the best go through a second pass in float32.
7. `scored` makes scores of logits, and `answer` the ranking with its warnings.

A `deadline.Watch` ends any of it: abort token, cancelled task, deadline. A listwise model has a `rank` of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from typing import TYPE_CHECKING, Any

from localrank.contract.errors import RerankAbortedError
from localrank.contract.frozen import thawed
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, RerankWarning
from localrank.providers import remarks
from localrank.providers.calls import sort_and_cut
from localrank.providers.unscored import RestUnscored, unscored_warning
from localrank_transformers.call.deadline import Watch
from localrank_transformers.call.passes import ScoringPass, Tally

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Activation, Device, Family, Model, Query

__all__ = [
    "REFINED_BEYOND",
    "UNREFINED_TIER",
    "LocalCall",
    "PointwiseModel",
    "answer",
    "refined_count",
    "score",
    "scored",
]


class LocalCall:
    """Ranks one request with a model that `get_model` hands over, loading it where need be.

    Args:
        get_model: Returns the model and the milliseconds waited for it.
        options: The request.
        unread: Says of a request that its texts are in a language that the model does not read.
    """

    def __init__(
        self,
        get_model: Callable[[], tuple[Model, float]],
        options: DoRerankOptions,
        unread: Callable[[DoRerankOptions], Sequence[RerankWarning]] = lambda _options: (),
    ) -> None:
        self._get_model = get_model
        self._options = options
        self._unread = unread
        self._watch = Watch(options.abort_event, options.deadline)

    def stop(self) -> None:
        """Make `run` end soon; called from the event loop when its task is cancelled."""
        self._watch.stop()

    def run(self) -> DoRerankResult:
        """Return the ranking.

        Raises:
            RerankAbortedError: The token was set.
            ModelLoadError: The model cannot be loaded.
            InferenceError: The engine failed.
        """
        options, watch = self._options, self._watch
        model, load_ms = self._get_model()
        result = model.rank(options, watch)
        if watch.is_aborted():
            raise RerankAbortedError(phase="in_call")
        unread = remarks.unread_options(options, model.provider) if options.provider_options else []
        return replace(
            result,
            usage=replace(
                result.usage or RerankUsage(), duration_ms=watch.elapsed_ms() - load_ms, load_ms=load_ms
            ),
            warnings=[*self._unread(options), *result.warnings, *unread],
            provider_metadata=model.metadata,
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PointwiseModel:
    """A model in memory that scores each document by itself; see `Model`.

    Attributes:
        provider: `onnx` or `torch`.
        family: Reads queries and documents, and makes logits of what the engine gives.
        engine: Computes.
        activation: Turns a logit into a score.
        device: Where it computes.
        exact: Computes again in float32 for the best documents, with the precision `refined`; otherwise None.
        metadata: What every result says of the model.
    """

    provider: str
    family: Family
    engine: Any
    activation: Activation
    device: Device
    exact: Any = None
    metadata: Mapping[str, Any] | None = None

    def rank(self, options: DoRerankOptions, watch: Watch) -> DoRerankResult:
        """Score every document, or those for which there is time: with one engine, or in int8 and the best again in float32."""
        query = self.family.open(options.query, options.instruction)
        everything = range(len(options.documents))
        scoring = ScoringPass(self.device, self.family, query, options, watch)
        best = None if self.exact is None else refined_count(len(everything), options.top_k)
        if best is None:
            tally = scoring.run(self.exact or self.engine, everything)
            results = scored(tally, self.activation, top_k=options.top_k)
        else:
            tally = scoring.run(self.engine, everything)
            rough = scored(tally, self.activation, precision="int8")
            chosen = [item.index for item in sort_and_cut(rough, best)]
            exact = scoring.run(self.exact, chosen)
            tally.tokens += exact.tokens
            results = [*scored(exact, self.activation, precision="fp32"), *_below(rough, exact)]
        return answer(self.family, options, tally, results, query=query, provider=self.provider)


def _below(rough: list[ScoredIndex], exact: Tally) -> list[ScoredIndex]:
    return [replace(item, tier=UNREFINED_TIER) for item in rough if item.index not in exact.logits]


_ThawedIndex = thawed(ScoredIndex)

UNREFINED_TIER = 1
"""What kept its int8 score stands below everything that was scored in float32."""

REFINED_BEYOND = 3
"""Documents beyond `top_k` that are scored again: int8 moves a document a few places, rarely more. Of float32's best ten of 60,
.990, .996 and 1.000 are returned with 2, 3 and 5 more (a cross-encoder, 150 lists of six collections), and .998, .999 and 1.000
(the embedded model, 120 lists); the first is always float32's."""

_PAYS_FROM = 2
"""Below this many times the refined documents, float32 over everything is as quick."""


def refined_count(documents: int, top_k: int | None) -> int | None:
    """Return how many of the best are scored again in float32, or None where all of them should be, at once."""
    if top_k is None or documents < _PAYS_FROM * (top_k + REFINED_BEYOND):
        return None
    return top_k + REFINED_BEYOND


def scored(
    tally: Tally, activation: Activation, *, precision: str | None = None, top_k: int | None = None
) -> list[ScoredIndex]:
    """Return an entry for each document that has a logit, or for the `top_k` best, with the `precision` if one is given."""
    mark = {"precision": precision} if precision else {}
    logits, truncated = tally.logits, tally.truncated
    scores: Iterable[tuple[int, float]] = zip(
        logits, [score(logit, activation) for logit in logits.values()], strict=True
    )
    if top_k is not None and top_k < len(logits):
        scores = nsmallest(top_k, scores, key=lambda one: (-one[1], one[0]))
    made: list[ScoredIndex] = [
        _ThawedIndex(index, value, 0, index in truncated, {"logit": logits[index], **mark})
        for index, value in scores
    ]
    for one in made:
        one.__class__ = ScoredIndex
    return made


def score(logit: float, activation: Activation) -> float:
    """Return the score of one logit, in float64, where a sigmoid does not saturate into ties."""
    if activation == "none":
        return logit
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    exponential = math.exp(logit)
    return exponential / (1.0 + exponential)


def answer(
    family: Family,
    options: DoRerankOptions,
    tally: Tally,
    results: Sequence[ScoredIndex],
    *,
    query: Query,
    provider: str,
) -> DoRerankResult:
    """Return the ranking of what was scored; the documents for which there was no time stand last, in the caller's order."""
    count = len(options.documents)
    left = count - len(tally.logits)
    ranked: Sequence[ScoredIndex] = sort_and_cut(results, options.top_k)
    return DoRerankResult(
        results=RestUnscored(ranked, count, options.top_k, count - left) if left else ranked,
        usage=RerankUsage(
            input_tokens=tally.tokens, truncated_documents=len(tally.truncated), cache_hits=tally.known
        ),
        warnings=list(_warnings(family, options, tally, left, query=query, provider=provider)),
    )


def _warnings(
    family: Family, options: DoRerankOptions, tally: Tally, left: int, *, query: Query, provider: str
) -> Iterator[RerankWarning]:
    count = len(options.documents)
    if query.truncated:
        yield remarks.query_truncated(family.query_limit)
    if tally.truncated:
        yield remarks.documents_truncated(len(tally.truncated), count)
    if options.instruction is not None and not family.reads_instruction:
        yield from remarks.unread_instruction(options, provider)
    yield from tally.warnings
    if left:
        yield unscored_warning(count - left, count)
