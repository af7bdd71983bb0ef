"""`rerank`: the path of one call, top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from localrank.calling.checks import FirstStageScores, Request, check_request, checked_beside, is_long
from localrank.calling.guard import run_guarded
from localrank.calling.hooks import Announcer, Hooks
from localrank.calling.later import RestLater
from localrank.calling.least_score import at_least, refuse_no_threshold
from localrank.calling.retry import DEFAULT_POLICY, RetryPolicy, timed_out, try_again, with_max_retries
from localrank.calling.texts import TextOf
from localrank.contract.cancellation import AbortToken, is_aborted, raise_if_aborted
from localrank.contract.errors import AbortPhase, RerankAbortedError
from localrank.contract.events import CallEnded, CallFailed, CallProgress, CallStarted, Hook
from localrank.contract.frozen import thawed
from localrank.contract.model import (
    AnyReranker,
    DoRerankOptions,
    DoRerankResult,
    ScoredIndex,
    accepts_objects,
    ignore_progress,
    needs_text,
    reads_images,
    score_kind,
)
from localrank.contract.types import (
    RankedDocument,
    RerankResponse,
    RerankResult,
    RerankUsage,
)
from localrank.providers.calls import call_model, check_model, outcome_of
from localrank.providers.registry import resolve
from localrank.providers.remarks import unread_images
from localrank.providers.unscored import UNSCORED_TIER, RestUnscored, unscored_warning

__all__ = ["answer_request", "rerank"]

D = TypeVar("D")

DEADLINE_GRACE_S, DEADLINE_GRACE_S_A_DOCUMENT = 0.04, 0.25e-6
"""How long after `deadline` a model may still hand over the ranking it has: .25 s more with a million documents."""

_MADE_AT_ONCE = 10_000
"""Unscored documents that are made with the result: 20 ms."""

_ThawedDocument = thawed(RankedDocument)


async def rerank(
    model: AnyReranker | str,
    query: str,
    documents: Sequence[D],
    top_k: int | None = None,
    abort_event: AbortToken | None = None,
    *,
    min_score: float | None = None,
    text: TextOf | None = None,
    instruction: str | None = None,
    max_retries: int | None = None,
    retry: RetryPolicy | None = None,
    timeout: float | None = None,
    headers: Mapping[str, str] | None = None,
    provider_options: Mapping[str, Mapping[str, Any]] | None = None,
    first_stage_scores: FirstStageScores | None = None,
    deadline: float | None = None,
    on_start: Hook[CallStarted] | None = None,
    on_end: Hook[CallEnded] | None = None,
    on_error: Hook[CallFailed] | None = None,
    on_progress: Hook[CallProgress] | None = None,
) -> RerankResult[D]:
    """Rank `documents` by how well each answers `query`, best first.

    Args:
        model: A reranker, `"provider:model-id"`, or an alias such as `"mini"`.
        query: The text to rank against.
        documents: Strings, or mappings or objects with a `text`, `page_content` or `content`; one kind. They come back
            untouched, each attached to its place in the ranking. A table is refused: pass a column, or rows as mappings.
        top_k: How many results to return, at least 1; None means all.
        abort_event: Any object with `is_set()`; once set, from any thread, the computation stops and `RerankAbortedError` is
            raised.
        min_score: Leave out documents that score less, before `top_k` is counted; `result.dropped` says how many. A document
            that was not scored is left out too. The result may be empty: then nothing here answers, if `result.outcome.kind` is
            `ranked`.
        text: The key, attribute, path of them (`payload.text`) or function that gives a document's text. A model that reads the
            documents themselves (`accepts_objects`, as with `fields=` of a remote one) needs none, and neither does a mapping
            with an `image` for a model that reads images.
        instruction: What "relevant" means here, for models that read one.
        max_retries: Repetitions after a failure that may mend; beats `retry.max_retries`. Neither given means 2.
        retry: The whole retry policy.
        timeout: Seconds for all attempts and waits, after which the call fails.
        headers: Extra HTTP headers for a remote model.
        provider_options: Options by provider name.
        first_stage_scores: The retriever's score of each document, for models that fuse them: a list, or the key, path or
            function that gives a document's own.
        deadline: Seconds after which the best ranking so far is returned: what was scored comes first, the rest follows in
            your order, marked `metadata["scored"] = False`, with one warning.
        on_start: Called with `CallStarted`. Hooks may be sync or async; what they raise is logged and swallowed.
        on_end: Called with `CallEnded`, on success.
        on_error: Called with `CallFailed`; not when the host cancels the task.
        on_progress: Called with `CallProgress` as documents are scored.

    Returns:
        An immutable sequence of `RankedDocument`, with usage, warnings and the response behind it.

    Raises:
        InvalidRequestError: A bad argument, such as `min_score` with a model whose scores are ordinal; raised before the model
            or any hook is called.
        UnknownModelError: No such provider, model or alias.
        RerankAbortedError: The token was set; `phase` says when.
        RerankTimeoutError: `timeout` passed.
        RetryError: Several attempts failed.
        InvalidResponseError: The model broke the contract.
        RerankError: Whatever else the model met (`ModelLoadError`, `InferenceError`, `APICallError` …).
    """
    started = time.perf_counter()
    reranker = resolve(model) if isinstance(model, str) else check_model(model)
    check = partial(
        check_request,
        query=query,
        documents=documents,
        top_k=top_k,
        abort_event=abort_event,
        text=text,
        instruction=instruction,
        timeout=timeout,
        headers=headers,
        provider_options=provider_options,
        first_stage_scores=first_stage_scores,
        deadline=deadline,
        min_score=min_score,
        read_as_objects=not needs_text(reranker),
        reads_images=reads_images(reranker),
    )
    if is_long(documents):
        request = await checked_beside(check, abort_event=abort_event, timeout=timeout, deadline=deadline)
    else:
        request = check()
    by_default = retry is None and max_retries is None
    policy = DEFAULT_POLICY if by_default else with_max_retries(retry, max_retries)
    hooks = (on_start, on_end, on_error, on_progress)
    told = None if all(hook is None for hook in hooks) else Hooks(*hooks)
    return await answer_request(reranker, request, policy, told, started=started)


async def answer_request(
    model: AnyReranker,
    request: Request[D],
    policy: RetryPolicy,
    hooks: Hooks | None,
    *,
    started: float | None = None,
    pair_index: int | None = None,
) -> RerankResult[D]:
    """Rank what was checked.

    Args:
        model: Whom to ask.
        request: What to ask.
        policy: When to ask again.
        hooks: Who is told; None means nobody.
        started: When the caller's call began, by `time.perf_counter`; None means now.
        pair_index: Which of many calls this is, for events.

    Raises:
        RerankError: See `rerank`.
    """
    if request.min_score is not None:
        refuse_no_threshold(model)
    if request.abort_event is not None:
        raise_if_aborted(request.abort_event, "before_start")
    announcer = None if hooks is None else Announcer(hooks, model.provider, model.model_id, pair_index)
    call = _Call(model, request, policy, announcer, time.perf_counter() if started is None else started)
    if announcer is None:
        return await call.run()
    try:
        result = await call.run()
    except Exception as error:
        await announcer.failed(error)
        raise
    await announcer.ended(result)
    return result


@dataclass(slots=True, eq=False, repr=False)
class _Call(Generic[D]):
    """One call in progress; `announcer` is None where nobody listens."""

    model: AnyReranker
    request: Request[D]
    policy: RetryPolicy
    announcer: Announcer | None
    started: float
    phase: AbortPhase = "in_call"

    async def run(self) -> RerankResult[D]:
        """Announce, attempt, assemble; under guard where a token, a time or a progress hook asks for it."""
        request, announcer = self.request, self.announcer
        pump = announcer.pump_progress if announcer and announcer.hooks.on_progress else None
        limits = (request.abort_event, request.timeout, request.deadline, pump)
        if all(limit is None for limit in limits):
            return self._assembled(await self._answer())
        return await self._run_guarded(pump)

    async def _run_guarded(self, pump: Callable[[], Coroutine[Any, Any, None]] | None) -> RerankResult[D]:
        """Attempt until something says stop, re-check the token, assemble what there is."""
        request, token = self.request, self.request.abort_event
        grace = DEADLINE_GRACE_S + DEADLINE_GRACE_S_A_DOCUMENT * len(request.originals)
        limits = [request.timeout, request.deadline and request.deadline + grace]
        seconds = min((limit for limit in limits if limit is not None), default=None)
        outcome = await run_guarded(
            self._answer,
            abort_event=token,
            seconds=None if seconds is None else max(0.0, seconds - self._elapsed),
            beside=pump,
        )
        if outcome.stopped == "aborted" or is_aborted(token):
            raise RerankAbortedError(phase=self.phase) from outcome.error
        if outcome.error is not None and outcome.stopped is None:
            raise outcome.error
        if outcome.value is not None:
            return self._assembled(self._whole(outcome.value))
        if request.timeout is not None and request.timeout == seconds:
            raise timed_out(request.timeout) from outcome.error
        return self._assembled(self._callers_order())

    async def _answer(self) -> DoRerankResult:
        request = self.request
        if self.announcer is not None:
            await self.announcer.started(len(request.originals), request.top_k)
        if not request.texts:
            return DoRerankResult([], usage=RerankUsage(input_tokens=0, duration_ms=0.0))
        began = self.policy.now()
        try:
            return await self._attempt()
        except Exception as error:
            first = error
        return await try_again(
            self._attempt,
            self.policy,
            first,
            began=began,
            timeout=request.timeout,
            on_wait=self._waiting,
        )

    async def _attempt(self) -> DoRerankResult:
        if self.request.abort_event is not None:
            raise_if_aborted(self.request.abort_event, "waiting")
        return await call_model(self.model, self._options())

    def _options(self) -> DoRerankOptions:
        request = self.request
        left = None if request.deadline is None else max(0.0, request.deadline - self._elapsed)
        read = len(request.texts)
        return DoRerankOptions(
            query=request.query,
            documents=request.texts,
            objects=request.originals[:read] if accepts_objects(self.model) else None,
            first_stage_scores=request.first_stage_scores and request.first_stage_scores[:read],
            top_k=self._wanted and min(self._wanted, read),
            abort_event=request.abort_event,
            deadline=left,
            headers=request.headers,
            provider_options=request.provider_options,
            instruction=request.instruction,
            report_progress=ignore_progress if self.announcer is None else self.announcer.report_progress,
        )

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self.phase = "waiting"
        yield
        self.phase = "in_call"

    @property
    def _wanted(self) -> int | None:
        """How many places are asked for: all where a least score cuts first."""
        return None if self.request.min_score is not None else self.request.top_k

    @property
    def _elapsed(self) -> float:
        return time.perf_counter() - self.started

    def _callers_order(self) -> DoRerankResult:
        count = len(self.request.originals)
        return DoRerankResult(RestUnscored([], count, self._wanted), warnings=[unscored_warning(0, count)])

    def _whole(self, answer: DoRerankResult) -> DoRerankResult:
        """Return `answer` with the documents that there was no time to read behind those that the model was asked for."""
        count, read = len(self.request.originals), len(self.request.texts)
        if read == count:
            return answer
        results = answer.results
        found = results.scored if isinstance(results, RestUnscored) else results
        scored = [item for item in found if item.tier < UNSCORED_TIER]
        scored_count = results.scored_count if isinstance(results, RestUnscored) else read
        warnings = [one for one in answer.warnings if one.type != "deadline_exceeded"]
        return replace(
            answer,
            results=RestUnscored(scored, count, self._wanted, scored_count),
            warnings=[*warnings, unscored_warning(scored_count, count)],
        )

    def _assembled(self, answer: DoRerankResult) -> RerankResult[D]:
        request, results = self.request, answer.results
        warnings, dropped = tuple(answer.warnings), 0
        if request.unread_images:
            warnings += (unread_images(request.unread_images, self.model.provider),)
        if request.min_score is not None:
            kept, remarks = at_least(request.min_score, results, self.model)
            warnings += tuple(remarks)
            results, dropped = kept[: request.top_k], len(results) - len(kept)
        return RerankResult(
            ranked=_ranked_documents(request, results),
            usage=self._usage(answer.usage),
            response=answer.response or RerankResponse(model_id=self.model.model_id),
            warnings=warnings,
            provider_metadata=dict(answer.provider_metadata or {}),
            original_documents=request.originals,
            score_kind=score_kind(self.model),
            outcome=outcome_of(self.model, answer),
            dropped=dropped,
        )

    def _usage(self, usage: RerankUsage | None) -> RerankUsage:
        known = usage or RerankUsage()
        if known.duration_ms is not None:
            return known
        return replace(known, duration_ms=max(0.0, self._elapsed * 1000 - known.load_ms))


def _ranked_documents(request: Request[D], results: Sequence[ScoredIndex]) -> Sequence[RankedDocument[D]]:
    """Return the caller's documents in the order of `results`: a tuple, unless very many were not scored."""
    if isinstance(results, RestUnscored) and results.left_count > _MADE_AT_ONCE:
        return RestLater(partial(_ranked, request), results)
    return tuple(_in_order(request, results, 1))


def _ranked(request: Request[D], item: ScoredIndex, rank: int) -> RankedDocument[D]:
    return _in_order(request, [item], rank)[0]


def _in_order(request: Request[D], items: Iterable[ScoredIndex], first_rank: int) -> list[RankedDocument[D]]:
    documents, texts, read = request.originals, request.texts, len(request.texts)
    made: list[RankedDocument[D]] = [
        _ThawedDocument(
            item.index,
            item.score,
            documents[item.index],
            texts[item.index] if item.index < read else "",
            rank,
            item.truncated,
            dict(item.metadata or {}),
            item.tier,
        )
        for rank, item in enumerate(items, start=first_rank)
    ]
    for one in made:
        one.__class__ = RankedDocument
    return made
