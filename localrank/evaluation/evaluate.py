"""`evaluate`: rerank every query's candidates with every model, and measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio.to_thread

from localrank._version import __version__
from localrank.calling.checks import checked_token
from localrank.calling.guard import run_guarded
from localrank.calling.rerank import rerank
from localrank.calling.sync import run_blocking
from localrank.contract.cancellation import AbortToken, raise_if_aborted
from localrank.contract.errors import InvalidRequestError, RerankAbortedError
from localrank.contract.model import AnyReranker, score_kind, scores_comparable
from localrank.contract.types import RankedDocument, ScoreKind
from localrank.evaluation.collection import Collection, sampled
from localrank.evaluation.first_stage import FirstStage, first_stage_of
from localrank.evaluation.journal import Journal, key_of
from localrank.evaluation.measures import DEFAULT_MEASURES, check_measures, measured
from localrank.evaluation.results import Evaluation, Ranking, SystemResult
from localrank.evaluation.run_reading import Run
from localrank.evaluation.ties import shuffled_ties
from localrank.providers.annotations import check_types
from localrank.providers.arguments import check_count, check_integer
from localrank.providers.registry import resolve
from localrank.providers.unscored import is_scored

__all__ = ["EvaluationProgress", "Models", "evaluate", "evaluate_sync", "named_models"]

Models = str | AnyReranker | Sequence[str | AnyReranker] | Mapping[str, str | AnyReranker]
"""One model, several, or several by the names they shall have in reports."""


@dataclass(frozen=True, slots=True)
class EvaluationProgress:
    """How far an evaluation is.

    Attributes:
        model: The model at work.
        done: Queries ranked, over all models.
        total: Queries to rank, over all models.
        resumed: How many of `done` an earlier run had ranked.
    """

    model: str
    done: int
    total: int
    resumed: int


async def evaluate(
    models: Models,
    collection: Collection,
    *,
    first_stage: str | Path | Run | FirstStage | None = None,
    candidates: int | None = 50,
    measures: Sequence[str] = DEFAULT_MEASURES,
    queries: int | None = None,
    seed: int = 0,
    instruction: str | None = None,
    abort_event: AbortToken | None = None,
    on_progress: Callable[[EvaluationProgress], None] | None = None,
    journal: str | Path | None = None,
) -> Evaluation:
    """Rerank each query's candidates with each model and measure the rankings, and the first stage's beside them.

    Calls follow one another, so that the times are those of a single call. Documents that a system scores alike are ordered by
    lot, the same one for all systems, so that equal scores inherit nothing from the order in which documents came.

    Args:
        models: A model or its name, several, or a mapping from the names they shall have in reports.
        collection: Queries, documents and judgements.
        first_stage: `"bm25"`, `"corpus"`, `"judged"`, the path of a TREC run, a run in memory, or what `first_stage_of`
            returned. None takes `corpus` where queries have documents of their own, else `bm25`.
        candidates: How many documents a query keeps; None keeps all.
        measures: Names as ir-measures has them; the first is the one that reports sort and compare by.
        queries: How many judged queries are drawn; None takes all.
        seed: What they are drawn with.
        instruction: What "relevant" means here, for models that read one.
        abort_event: Any object with `is_set()`; once set, `RerankAbortedError` is raised.
        on_progress: Called after each query.
        journal: A file that keeps finished rankings: a second call with the same file does only what is missing.

    Returns:
        Means and per-query values of every system, with its rankings, times, tokens and cost.

    Raises:
        InvalidRequestError: A bad argument, or data that cannot be used.
        MissingDependencyError: The extra `eval` is not installed.
        RerankAbortedError: The token was set.
        RerankError: What a model raised; the rankings finished before are in the journal.
    """
    check_types(locals(), evaluate, Collection=Collection, FirstStage=FirstStage)
    checked_token(abort_event)
    rerankers = named_models(models)
    names = check_measures(measures)
    chosen = sampled(collection, queries, seed=seed)
    done = Journal(None if journal is None else Path(journal))
    raise_if_aborted(abort_event, "before_start")
    stage = await _candidates(chosen, first_stage, candidates, abort_event)
    work = _Work(chosen, stage, names, instruction, abort_event, done, on_progress)
    return Evaluation(
        collection=chosen.name,
        first_stage=work.first_stage(),
        models=tuple([await work.model(name, model, len(rerankers)) for name, model in rerankers.items()]),
        measures=names,
        candidates=check_count("candidates", candidates),
        queries=chosen.queries,
        judgements=chosen.judgements,
        seed=check_integer("seed", seed),
        remarks=(*chosen.remarks, *_remarks(chosen, stage)),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
    )


def evaluate_sync(
    models: Models,
    collection: Collection,
    *,
    first_stage: str | Path | Run | FirstStage | None = None,
    candidates: int | None = 50,
    measures: Sequence[str] = DEFAULT_MEASURES,
    queries: int | None = None,
    seed: int = 0,
    instruction: str | None = None,
    abort_event: AbortToken | None = None,
    on_progress: Callable[[EvaluationProgress], None] | None = None,
    journal: str | Path | None = None,
) -> Evaluation:
    """Evaluate and wait: `evaluate` with the same arguments, results and errors.

    `on_progress` runs in localrank's own thread.
    """
    return run_blocking(
        partial(
            evaluate,
            models,
            collection,
            first_stage=first_stage,
            candidates=candidates,
            measures=measures,
            queries=queries,
            seed=seed,
            instruction=instruction,
            abort_event=abort_event,
            on_progress=on_progress,
            journal=journal,
        )
    )


def named_models(models: Models) -> dict[str, AnyReranker]:
    """Return the models by the names they have in reports.

    Raises:
        InvalidRequestError: There is none, or two have one name.
        UnknownModelError: A name that means no model.
    """
    if isinstance(models, Mapping):
        given = list(models.items())
    else:
        several = models if isinstance(models, Sequence) and not isinstance(models, str) else [models]
        given = [(model if isinstance(model, str) else "", model) for model in several]
    named: dict[str, AnyReranker] = {}
    for name, model in given:
        reranker = resolve(model)
        label = name or f"{reranker.provider}:{reranker.model_id}"
        if label in named:
            raise InvalidRequestError(
                f"Two models are called {label!r}.", hint="Pass a mapping of names to models."
            )
        named[label] = reranker
    if not named:
        raise InvalidRequestError("There is no model to evaluate.", hint="Pass one, such as 'mini'.")
    return named


async def _candidates(
    collection: Collection,
    first_stage: str | Path | Run | FirstStage | None,
    count: int | None,
    abort_event: AbortToken | None,
) -> FirstStage:
    if isinstance(first_stage, FirstStage):
        return replace(first_stage, run=first_stage_of(collection, first_stage.run, candidates=count).run)
    find = partial(first_stage_of, collection, first_stage, candidates=count)
    in_thread = partial(anyio.to_thread.run_sync, find, abandon_on_cancel=True)
    outcome = await run_guarded(in_thread, abort_event=abort_event, seconds=None)
    if outcome.stopped is not None:
        raise RerankAbortedError(phase="before_start")
    if outcome.error is not None:
        raise outcome.error
    assert outcome.value is not None
    return outcome.value


@dataclass(slots=True)
class _Work:
    """One evaluation in progress."""

    collection: Collection
    stage: FirstStage
    measures: Sequence[str]
    instruction: str | None
    abort_event: AbortToken | None
    journal: Journal
    on_progress: Callable[[EvaluationProgress], None] | None
    done: int = 0
    resumed: int = 0

    def first_stage(self) -> SystemResult:
        rankings = {
            query: Ranking(
                tuple(shuffled_ties(query, ranked, name=lambda pair: pair[0], level=lambda pair: pair[1]))
            )
            for query, ranked in self.stage.run.items()
        }
        return self._measured(self.stage.name, rankings)

    async def model(self, name: str, model: AnyReranker, models: int) -> SystemResult:
        rankings: dict[str, Ranking] = {}
        for query in self.collection.queries:
            rankings[query] = await self._ranking(model, query)
            self.done += 1
            if self.on_progress is not None:
                total = models * len(self.collection.queries)
                self.on_progress(EvaluationProgress(name, self.done, total, self.resumed))
        return self._measured(name, rankings, model)

    async def _ranking(self, model: AnyReranker, query: str) -> Ranking:
        candidates = self.stage.run[query]
        if not candidates:
            return Ranking(())
        text = self.collection.queries[query]
        documents = [(document, self.collection.documents[document]) for document, _ in candidates]
        key = key_of(model, text, documents, self.instruction)
        earlier = self.journal.get(key)
        if earlier is not None:
            self.resumed += 1
            return earlier
        result = await rerank(
            model,
            text,
            [document for _, document in documents],
            abort_event=self.abort_event,
            instruction=self.instruction,
            first_stage_scores=[score for _, score in candidates],
        )
        placed = shuffled_ties(query, result, name=lambda ranked: documents[ranked.index][0], level=_level)
        ranking = Ranking(
            tuple((documents[ranked.index][0], ranked.score) for ranked in placed),
            result.usage.duration_ms,
            result.usage.input_tokens,
            result.usage.estimated_cost,
            tuple(warning.type for warning in result.warnings),
            result.outcome.kind,
        )
        self.journal.add(key, ranking)
        return ranking

    def _measured(
        self, name: str, rankings: Mapping[str, Ranking], model: AnyReranker | None = None
    ) -> SystemResult:
        run = {query: list(ranking.documents) for query, ranking in rankings.items()}
        figures = measured(self.measures, self.collection.judgements, run)
        if model is None:
            kind: ScoreKind = "ordinal" if self.stage.is_order else "unknown"
            return SystemResult(name, "first stage", figures.means, figures.values, rankings, kind)
        scores = (score_kind(model), scores_comparable(model))
        return SystemResult(name, "model", figures.means, figures.values, rankings, *scores)


def _level(ranked: RankedDocument[str]) -> tuple[float, ...]:
    """Return what documents share that a model holds for equal; one that it left unscored keeps the place it was given."""
    return (ranked.tier, ranked.score) if is_scored(ranked) else (ranked.tier, ranked.score, ranked.index)


def _remarks(collection: Collection, stage: FirstStage) -> list[str]:
    without = sum(not stage.run[query] for query in collection.queries)
    absent = sum(
        grade > 0 and document not in collection.documents
        for grades in collection.judgements.values()
        for document, grade in grades.items()
    )
    never = sum(max(grades.values()) < 1 for grades in collection.judgements.values())
    count = len(collection.queries)
    remarks = []
    if without:
        remarks.append(
            f"{without} of {count} queries have no candidates from the first stage; they count as nothing found."
        )
    if absent:
        remarks.append(
            f"{absent} relevant judgements name documents that are not there; nothing can find them."
        )
    if never:
        remarks.append(f"{never} of {count} queries have no relevant document among the judged ones.")
    return remarks
