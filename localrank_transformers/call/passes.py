"""One engine over some of a request's documents: tokenize a slice, plan it, run it, note the scores."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from localrank_transformers.call.planner import EQUAL, GROUP_TOKENS, NEAR, PACKED_DOCUMENTS, Unit, pack, plan

if TYPE_CHECKING:
    from localrank_transformers.call.contract import (
        DocumentTokens,
        Engine,
        EngineRequest,
        LoadedModel,
        OnnxQuery,
        Scorer,
    )

__all__ = ["SLICE", "ScoringPass", "Tally", "distinct_slices"]


class _Item(NamedTuple):
    """One different text: its tokens, how many the engine reads for it, and the places where it stands."""

    tokens: DocumentTokens
    length: int
    indexes: list[int]


@dataclass(slots=True)
class Tally:
    """What a pass has computed so far; noted from many threads.

    Attributes:
        margins: The logit of each scored document, by index.
        truncated: Indexes of documents that were cut.
        tokens: Tokens that the engine read.
        known: Documents that it did not read, since their vectors were kept.
    """

    margins: dict[int, float] = field(default_factory=dict[int, float])
    truncated: set[int] = field(default_factory=set[int])
    tokens: int = 0
    known: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, item: _Item, margin: float) -> None:
        """Enter the logit of one text at each of its places."""
        with self._lock:
            self.tokens += item.length
            self.known += 0 if item.length else len(item.indexes)
            self.margins.update(dict.fromkeys(item.indexes, margin))
            if item.tokens.truncated:
                self.truncated.update(item.indexes)


class ScoringPass:
    """Scores documents with one engine. `stop` ends it from any thread.

    Args:
        model: Family, scheduler and limits.
        engine: What computes; the model's own or its exact one.
        documents: The texts of the whole request.
        should_stop: Looked at every 5 ms.
        on_progress: Called with the number of documents that this pass has scored.
    """

    def __init__(
        self,
        model: LoadedModel,
        engine: Engine,
        documents: Sequence[str],
        *,
        should_stop: Callable[[], bool],
        on_progress: Callable[[int], None],
    ) -> None:
        self.tally = Tally()
        self._model = model
        self._plan = _planner(model, engine)
        self._request: EngineRequest = engine.request(_threads_a_run(model, documents))
        self._documents = documents
        self._should_stop = should_stop
        self._on_progress = on_progress

    def stop(self) -> None:
        """End what is running at its next node."""
        self._request.stop()

    def run(self, query: OnnxQuery, indexes: Sequence[int], *, slice_size: int) -> bool:
        """Score the documents at `indexes`; return False if it was stopped before the last."""
        score = query.scorer(self._request)
        self.tally.tokens += query.query_tokens
        slices = distinct_slices(self._documents, indexes, slice_size)
        return all(self._run_slice(query, score, places) for places in slices)

    def _run_slice(self, query: OnnxQuery, score: Scorer, places: dict[str, list[int]]) -> bool:
        if self._should_stop():
            return False
        items = [
            _Item(tokens, query.length(tokens), indexes)
            for tokens, indexes in zip(query.documents(list(places)), places.values(), strict=True)
        ]

        def execute(unit: Unit) -> None:
            found = score([items[at].tokens for at in unit.positions])
            for at, margin in zip(unit.positions, found, strict=True):
                self.tally.note(items[at], margin)
            self._on_progress(len(self.tally.margins))

        work = [max(1, item.length) for item in items]  # what is known takes little, but not nothing
        return self._model.scheduler.run(
            self._plan(work),
            execute,
            should_stop=self._should_stop,
            on_stop=self.stop,
            at_once=self._model.threads,
        )


def _planner(model: LoadedModel, engine: Engine) -> Callable[[Sequence[int]], list[Unit]]:
    """Return what decides which documents share a run."""
    if engine.grouping == "packed":
        workers = min(model.threads or model.scheduler.workers, model.scheduler.workers)
        return partial(pack, workers=workers, most=PACKED_DOCUMENTS)
    if engine.grouping == "alone" or not model.family.groups:
        return partial(plan, group_tokens=0)
    least_fill = NEAR if engine.grouping == "padded" else EQUAL
    return partial(plan, group_tokens=GROUP_TOKENS, least_fill=least_fill)


def _threads_a_run(model: LoadedModel, documents: Sequence[str]) -> int:
    """Return 1, or for a call of one document that nobody else computes beside, all that it may use."""
    if len(documents) > 1 or not model.scheduler.is_idle:
        return 1
    return model.threads or model.scheduler.workers


SLICE = 1024
"""Documents tokenized and planned together; what is held in memory is one slice, whatever the number of documents."""


def distinct_slices(
    documents: Sequence[str], indexes: Iterable[int], size: int
) -> Iterator[dict[str, list[int]]]:
    """Yield slices of at most `size` different texts among `documents` at `indexes`, each with its places, in order."""
    places: dict[str, list[int]] = {}
    for index in indexes:
        places.setdefault(documents[index], []).append(index)
    texts = list(places)
    for start in range(0, len(texts), size):
        yield {text: places[text] for text in texts[start : start + size]}
