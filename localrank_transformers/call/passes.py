"""One engine over some of a request's documents: tokenize a slice, run it, note the logits. And the cores as device."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from localrank_transformers.call.planner import (
    EQUAL,
    GROUP_TOKENS,
    NEAR,
    PACKED_DOCUMENTS,
    Unit,
    pack,
    plan,
    unread,
)

if TYPE_CHECKING:
    from localrank.contract.model import DoRerankOptions
    from localrank.contract.types import RerankWarning
    from localrank_transformers.call.contract import (
        Device,
        DocumentTokens,
        Engine,
        EngineRequest,
        Family,
        Query,
        Runner,
        Scorer,
    )
    from localrank_transformers.call.deadline import Watch
    from localrank_transformers.call.scheduler import Scheduler

__all__ = ["Cores", "ScoringPass", "Tally", "distinct_slices"]

SLICE = 1024
"""Documents tokenized and planned together; what is held in memory is one slice, whatever the number of documents."""

DEADLINE_SLICE = 8
"""The same with a deadline, for each worker."""

_READ_AT_MOST = 4096
"""Documents looked at between two slices, however often they repeat one another."""


@dataclass(slots=True, eq=False, repr=False)
class Tally:
    """What a pass has computed so far; noted from many threads.

    Attributes:
        logits: The logit of each scored document, by index.
        truncated: Indexes of documents that were cut.
        tokens: Tokens that the engine read.
        known: Documents that it did not read, since their vectors were kept.
        warnings: What the caller should know of how it ran.
    """

    logits: dict[int, float] = field(default_factory=dict[int, float])
    truncated: set[int] = field(default_factory=set[int])
    tokens: int = 0
    known: int = 0
    warnings: list[RerankWarning] = field(default_factory=list["RerankWarning"])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(
        self,
        documents: Sequence[DocumentTokens],
        places: Sequence[Sequence[int]],
        logits: Sequence[float],
    ) -> None:
        """Enter the logit of each text at each of its places."""
        with self._lock:
            for document, indexes, logit in zip(documents, places, logits, strict=True):
                for index in indexes:
                    self.logits[index] = logit
                if document.truncated:
                    self.truncated.update(indexes)

    def count(self, lengths: Sequence[int], places: Sequence[Sequence[int]]) -> None:
        """Enter how many tokens of each scored text were read; 0 where it was known."""
        self.tokens += sum(lengths)
        self.known += sum(len(indexes) for length, indexes in zip(lengths, places, strict=True) if not length)

    def repeat(self, known: int, index: int) -> None:
        """Enter for the document at `index` what was computed for the one at `known`, whose text is the same."""
        with self._lock:
            self.logits[index] = self.logits[known]
            if known in self.truncated:
                self.truncated.add(index)


class ScoringPass:
    """Scores documents of a request with one engine at a time.

    Args:
        device: Where an engine runs.
        family: Of the model.
        query: What documents are scored for.
        options: The request.
        watch: Ends a run, from any thread.
    """

    def __init__(
        self, device: Device, family: Family, query: Query, options: DoRerankOptions, watch: Watch
    ) -> None:
        self._device = device
        self._family = family
        self._query = query
        self._options = options
        self._watch = watch

    def run(self, engine: Any, indexes: Sequence[int]) -> Tally:
        """Score the documents at `indexes`; the tally lacks those before which the watch said stop."""
        options, watch, tally = self._options, self._watch, Tally(tokens=self._query.query_tokens)
        runner = self._device.begin(engine, self._family, len(options.documents))
        score = self._query.scorer(runner.request)
        watch.on_stop = runner.stop
        try:
            size = SLICE if options.deadline is None else runner.deadline_slice
            for places in distinct_slices(options.documents, indexes, size, tally):
                watch.expect(len(tally.logits), options.top_k)
                if watch.should_stop() or not self._run_slice(runner, score, places, tally):
                    break
        finally:
            watch.on_stop = None  # a closed model must be freed at once
            tally.warnings = runner.end()
        return tally

    def _run_slice(self, runner: Runner, score: Scorer, places: dict[str, list[int]], tally: Tally) -> bool:
        query, indexes, total = self._query, list(places.values()), len(self._options.documents)
        documents = query.documents(list(places))
        lengths = query.lengths(documents)
        done: list[int] = []

        def execute(positions: Sequence[int]) -> None:
            scored = [documents[at] for at in positions]
            logits = score(scored)
            tally.note(scored, [indexes[at] for at in positions], logits)
            done.extend(positions)
            self._options.report_progress(len(tally.logits), total)

        shared = query.shared_tokens
        work = [max(1, length - shared) if length else 0 for length in lengths]
        finished = runner.run(work, execute, self._watch.should_stop)
        # Meanwhile another call may have read what this one was to read.
        tally.count(query.lengths([documents[at] for at in done]), [indexes[at] for at in done])
        return finished


def distinct_slices(
    documents: Sequence[str], indexes: Iterable[int], size: int, tally: Tally
) -> Iterator[dict[str, list[int]]]:
    """Yield slices of at most `size` different texts among `documents` at `indexes`, each with its places, in order.

    Only as much is read as the next slice takes. A text of an earlier slice comes in none again: its places get the logit that
    `tally` has by then.
    """
    first: dict[str, int] = {}
    places: dict[str, list[int]] = {}
    for read, index in enumerate(indexes, start=1):
        text = documents[index]
        known = first.setdefault(text, index)
        if known == index or text in places:
            places.setdefault(text, []).append(index)
        else:
            tally.repeat(known, index)
        if len(places) == size or (read % _READ_AT_MOST == 0):
            yield places
            places = {}
    if places:
        yield places


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Cores:
    """The workers of the process as the device of models; see `Device`.

    Attributes:
        scheduler: Shared by all models; its workers live as long as one of them is held.
        threads: Units of one call at once; None means every worker.
    """

    scheduler: Scheduler
    threads: int | None = None

    def begin(self, engine: Engine, family: Family, documents: int) -> _CoresRunner:
        """Return a runner; where a call computes alone, a run that is its only one may take all threads that it may use."""
        workers = self.scheduler.workers
        threads = self.threads or workers
        request = engine.request(threads if self.scheduler.is_idle else 1, alone=documents == 1)
        at_once = min(threads, workers)
        planned = _planner(engine, family, at_once)
        return _CoresRunner(request, DEADLINE_SLICE * workers, planned, at_once, self.scheduler, self.threads)

    def release(self) -> None:
        """End the lease of a model."""
        self.scheduler.release()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _CoresRunner:
    """See `Runner`."""

    request: EngineRequest
    deadline_slice: int
    planned: Callable[[Sequence[int]], list[Unit]]
    workers: int
    scheduler: Scheduler
    at_once: int | None

    def run(
        self,
        work: Sequence[int],
        execute: Callable[[Sequence[int]], None],
        should_stop: Callable[[], bool],
    ) -> bool:
        return self.scheduler.run(
            self._units(work),
            lambda unit: execute(unit.positions),
            should_stop=should_stop,
            on_stop=self.request.stop,
            at_once=self.at_once,
        )

    def _units(self, work: Sequence[int]) -> list[Unit]:
        if all(work):
            return self.planned(work)
        places = [at for at, tokens in enumerate(work) if tokens]
        units = self.planned([work[at] for at in places])
        read = (Unit(tuple(places[at] for at in unit.positions), unit.tokens) for unit in units)
        return [*unread(work, workers=self.workers), *read]

    def stop(self) -> None:
        self.request.stop()

    def end(self) -> list[RerankWarning]:
        return []


def _planner(engine: Engine, family: Family, workers: int) -> Callable[[Sequence[int]], list[Unit]]:
    """Return what decides which documents share a run."""
    if engine.grouping == "packed":
        return partial(pack, workers=workers, most=PACKED_DOCUMENTS)
    if engine.grouping == "alone" or not family.groups:
        return partial(plan, group_tokens=0)
    least_fill = NEAR if engine.grouping == "padded" else EQUAL
    return partial(plan, group_tokens=GROUP_TOKENS, least_fill=least_fill)
