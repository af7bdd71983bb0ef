"""One local call in its thread, top to bottom: load, tokenize the query, score, refine where asked, answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from localrank.contract.cancellation import POLL_INTERVAL_S, LinkedToken, raise_if_aborted
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, RerankWarning
from localrank.providers import remarks
from localrank.providers.answers import sort_and_cut, unscored, unscored_warning
from localrank.providers.remarks import unread_options
from localrank_transformers.call.answer import score
from localrank_transformers.call.deadline import Watch
from localrank_transformers.call.passes import SLICE, ScoringPass, Tally

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Engine, LoadedModel, OnnxFamily, OnnxQuery, TorchLoaded

__all__ = ["MARGIN", "UNREFINED_TIER", "LocalCall", "TorchCall", "refined_count"]

DEADLINE_SLICE = 8
"""For each worker, with a deadline: the first scores are there before the last document is tokenized."""

STOP_BEFORE_DEADLINE_S = 0.005
"""Time to end the running documents and sort what there is."""


class LocalCall:
    """Scores the documents of one request with a model that `get_model` hands over, loading it where need be.

    Args:
        get_model: Returns the model and the milliseconds waited for it.
        options: The request.
    """

    def __init__(self, get_model: Callable[[], tuple[LoadedModel, float]], options: DoRerankOptions) -> None:
        self._get_model = get_model
        self._options = options
        self._token = LinkedToken(options.abort_event)
        self._started = time.perf_counter()
        self._running: ScoringPass | None = None

    def stop(self) -> None:
        """Make `run` end soon; called from the event loop when its task is cancelled."""
        self._token.set()
        running = self._running
        if running is not None:
            running.stop()

    def run(self) -> DoRerankResult:
        """Return the ranking.

        Raises:
            RerankAbortedError: The token was set.
            ModelLoadError: The model cannot be loaded.
            InferenceError: The engine failed.
        """
        model, load_ms = self._get_model()
        raise_if_aborted(self._token)
        query = model.family.open(self._options.query, self._options.instruction)
        tally, results = self._ranked(model, query)
        raise_if_aborted(self._token)
        return self._answer(model.family, tally, results, query_truncated=query.truncated, load_ms=load_ms)

    def _ranked(self, model: LoadedModel, query: OnnxQuery) -> tuple[Tally, list[ScoredIndex]]:
        """Score everything with one engine, or everything in int8 and the best again in float32."""
        everything = range(len(self._options.documents))
        best = refined_count(len(everything), self._options.top_k)
        if model.exact is None or best is None:
            tally = self._pass(model, model.exact or model.engine, query, everything)
            return tally, _scored(model, tally)
        rough = self._pass(model, model.engine, query, everything)
        results = _scored(model, rough, precision="int8")
        chosen = [item.index for item in sort_and_cut(results, best)]
        exact = self._pass(model, model.exact, query, chosen)
        refined = _scored(model, exact, precision="fp32")
        below = [replace(item, tier=UNREFINED_TIER) for item in results if item.index not in exact.margins]
        rough.tokens += exact.tokens
        return rough, [*refined, *below]

    def _pass(
        self, model: LoadedModel, engine: Engine, query: OnnxQuery, indexes: range | list[int]
    ) -> Tally:
        total = len(self._options.documents)
        running = self._running = ScoringPass(
            model,
            engine,
            self._options.documents,
            should_stop=self._should_stop,
            on_progress=lambda done: self._options.report_progress(min(done, total), total),
        )
        size = SLICE if self._options.deadline is None else DEADLINE_SLICE * model.scheduler.workers
        try:
            running.run(query, indexes, slice_size=size)
        finally:
            self._running = None  # the two refer to each other, and a closed model must be freed at once
        return running.tally

    def _should_stop(self) -> bool:
        return self._token.is_set() or self._is_late()

    def _is_late(self) -> bool:
        deadline = self._options.deadline
        if deadline is None:
            return False
        return time.perf_counter() - self._started >= deadline - STOP_BEFORE_DEADLINE_S

    def _answer(
        self,
        family: OnnxFamily,
        tally: Tally,
        results: list[ScoredIndex],
        *,
        query_truncated: bool,
        load_ms: float,
    ) -> DoRerankResult:
        options, count = self._options, len(self._options.documents)
        left = [index for index in range(count) if index not in tally.margins]
        warnings = list(
            _warnings(family, options, query_truncated=query_truncated, truncated=len(tally.truncated))
        )
        if left:
            warnings.append(unscored_warning(count - len(left), count))
        return DoRerankResult(
            results=sort_and_cut([*results, *unscored(left)], options.top_k),
            usage=RerankUsage(
                input_tokens=tally.tokens,
                duration_ms=(time.perf_counter() - self._started) * 1000 - load_ms,
                load_ms=load_ms,
                truncated_documents=len(tally.truncated),
                cache_hits=tally.known,
            ),
            warnings=warnings,
        )


def _scored(model: LoadedModel, tally: Tally, *, precision: str | None = None) -> list[ScoredIndex]:
    mark = {"precision": precision} if precision else {}
    return [
        ScoredIndex(
            index,
            score(margin, model.activation),
            truncated=index in tally.truncated,
            metadata={"logit": margin, **mark},
        )
        for index, margin in tally.margins.items()
    ]


def _warnings(
    family: OnnxFamily, options: DoRerankOptions, *, query_truncated: bool, truncated: int
) -> Iterator[RerankWarning]:
    if query_truncated:
        yield remarks.query_truncated(family.query_room)
    if truncated:
        yield remarks.documents_truncated(truncated, len(options.documents))
    if not family.reads_instruction:
        yield from remarks.unread_instruction(options, "onnx")
    yield from remarks.unread_options(options, "onnx")


class TorchCall:
    """Ranks one request with a model that `get_model` hands over, loading it where need be.

    Args:
        get_model: Returns the model and the milliseconds waited for it.
        options: The request.
    """

    def __init__(self, get_model: Callable[[], tuple[TorchLoaded, float]], options: DoRerankOptions) -> None:
        self._get_model = get_model
        self._options = options
        self._watch = Watch(options.abort_event, options.deadline)

    def stop(self) -> None:
        """Make `run` end within a layer's time; called from the event loop when its task is cancelled."""
        self._watch.token.set()

    def run(self) -> DoRerankResult:
        """Return the ranking.

        Raises:
            RerankAbortedError: The token was set.
            ModelLoadError: The model cannot be loaded.
            InferenceError: torch failed.
        """
        model, load_ms = self._get_model()
        raise_if_aborted(self._watch.token)
        result = self._rank(model)
        raise_if_aborted(self._watch.token)
        usage = result.usage or RerankUsage()
        return replace(
            result,
            usage=replace(usage, duration_ms=self._watch.elapsed_ms() - load_ms, load_ms=load_ms),
            warnings=[*result.warnings, *unread_options(self._options, "torch")],
            provider_metadata={"torch": model.chosen},
        )

    def _rank(self, model: TorchLoaded) -> DoRerankResult:
        """Rank while no other call of this model computes; a call that is stopped in the queue leaves it."""
        while not model.lock.acquire(timeout=POLL_INTERVAL_S):
            if self._watch.should_stop():
                return _nothing(self._options)
        try:
            with model.runtime.watching(self._watch.should_stop):
                return model.family.rank(self._options, self._watch)
        finally:
            model.lock.release()


def _nothing(options: DoRerankOptions) -> DoRerankResult:
    count = len(options.documents)
    return DoRerankResult(
        sort_and_cut(unscored(range(count)), options.top_k), warnings=[unscored_warning(0, count)]
    )


UNREFINED_TIER = 1
"""What kept its int8 score stands below everything that was scored in float32."""

MARGIN = 3
"""Documents beyond `top_k` that are scored again: int8 moves a document a few places, rarely more. Of float32's best ten of 60,
.990, .996 and 1.000 are returned with 2, 3 and 5 more (a cross-encoder, 150 lists of six collections), and .998, .999 and 1.000
(the embedded model, 120 lists); the first is always float32's."""

_PAYS_FROM = 2
"""Below this many times the refined documents, float32 over everything is as quick."""


def refined_count(documents: int, top_k: int | None) -> int | None:
    """Return how many of the best are scored again in float32, or None where all of them should be, at once."""
    if top_k is None or documents < _PAYS_FROM * (top_k + MARGIN):
        return None
    return top_k + MARGIN
