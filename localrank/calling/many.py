"""Many queries over one model, a bounded number at once; every argument is checked before the first call.

`rerank_many` answers in the order of the questions, `rerank_as_completed` as answers come.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, TypeAlias, TypedDict, TypeVar, Unpack, overload

import anyio
from anyio.lowlevel import checkpoint

from localrank.calling.checks import FirstStageScores, Request, check_request, checked_beside, is_long
from localrank.calling.hooks import Hooks
from localrank.calling.rerank import answer_request
from localrank.calling.retry import RetryPolicy, with_max_retries
from localrank.calling.sync import run_blocking
from localrank.calling.texts import TextOf
from localrank.contract.cancellation import AbortToken, raise_if_aborted
from localrank.contract.errors import InvalidRequestError, RerankError
from localrank.contract.events import CallEnded, CallFailed, CallProgress, CallStarted, Hook
from localrank.contract.model import AnyReranker, needs_text, reads_images
from localrank.contract.types import RerankResult
from localrank.providers.arguments import check_count
from localrank.providers.extras import imported
from localrank.providers.registry import resolve

__all__ = ["DEFAULT_MAX_PARALLEL", "CallOptions", "rerank_as_completed", "rerank_many", "rerank_many_sync"]

D = TypeVar("D")

DEFAULT_MAX_PARALLEL = 8

_CHECKED_AT_ONCE = 64
"""Pairs that are checked between two moments for the rest of the event loop."""

Pairs: TypeAlias = Sequence[tuple[str, Sequence[D]]]
Deliver: TypeAlias = Callable[[int, RerankResult[D] | Exception], Awaitable[bool]]
"""Takes the answer of a pair; False means that no more are wanted."""


class CallOptions(TypedDict, total=False):
    """What may be said of every call; see `rerank`. Times and retries are for each call on its own."""

    min_score: float | None
    text: TextOf | None
    instruction: str | None
    max_retries: int | None
    retry: RetryPolicy | None
    timeout: float | None
    headers: Mapping[str, str] | None
    provider_options: Mapping[str, Mapping[str, Any]] | None
    first_stage_scores: FirstStageScores | None
    deadline: float | None
    on_start: Hook[CallStarted] | None
    on_end: Hook[CallEnded] | None
    on_error: Hook[CallFailed] | None
    on_progress: Hook[CallProgress] | None


@overload
async def rerank_many(
    model: AnyReranker | str,
    queries_and_documents: Pairs[D],
    top_k: int | None = None,
    abort_event: AbortToken | None = None,
    *,
    max_parallel: int | None = None,
    return_exceptions: Literal[False] = False,
    progress: bool = False,
    **options: Unpack[CallOptions],
) -> list[RerankResult[D]]: ...
@overload
async def rerank_many(
    model: AnyReranker | str,
    queries_and_documents: Pairs[D],
    top_k: int | None = None,
    abort_event: AbortToken | None = None,
    *,
    max_parallel: int | None = None,
    return_exceptions: bool,
    progress: bool = False,
    **options: Unpack[CallOptions],
) -> list[RerankResult[D] | Exception]: ...
async def rerank_many(
    model: AnyReranker | str,
    queries_and_documents: Pairs[D],
    top_k: int | None = None,
    abort_event: AbortToken | None = None,
    *,
    max_parallel: int | None = None,
    return_exceptions: bool = False,
    progress: bool = False,
    **options: Unpack[CallOptions],
) -> Sequence[RerankResult[D] | Exception]:
    """Rank each query's own documents.

    Args:
        model: A reranker or a name, as for `rerank`.
        queries_and_documents: Pairs of a query and its documents.
        top_k: How many results each query gets.
        abort_event: Stops all of them.
        max_parallel: Calls at once, at least 1; None means 8. A local model shares its workers among them.
        return_exceptions: Put a call's error at its place in the list and go on. Else the first error cancels the calls that
            are left and is raised.
        progress: Show a bar of the pairs, in a terminal or a notebook.
        options: Everything else that `rerank` takes, for each call: see `CallOptions`. Scores of the first stage are named by
            the key or path that they have in every document. Events say which pair they are of (`pair_index`).

    Returns:
        One result a pair, in the order of the pairs.

    Raises:
        InvalidRequestError: A bad argument or pair, which is named; raised before the first call.
        RerankError: Whatever the first failing call raised. Its `pair_index` says which pair that was, its
            `finished_results` holds the answers that were there, by their pairs' positions.
    """
    asked = _Asked(model, queries_and_documents, top_k, abort_event, max_parallel, options)
    jobs = await asked.checked()
    answers: dict[int, RerankResult[D] | Exception] = {}
    failures: list[Exception] = []

    with _bar(len(jobs.requests), shown=progress) as advance:

        async def deliver(position: int, answer: RerankResult[D] | Exception) -> bool:
            advance()
            if isinstance(answer, RerankResult) or return_exceptions:
                answers[position] = answer
                return True
            failures.append(answer)
            group.cancel_scope.cancel()
            return False

        async with anyio.create_task_group() as group:
            for _ in range(jobs.workers):
                group.start_soon(jobs.work, deliver)
    if failures:
        first = failures[0]
        if isinstance(first, RerankError):
            first.finished_results = {position: answers[position] for position in sorted(answers)}
        raise first
    return [answers[position] for position in range(len(jobs.requests))]


def rerank_many_sync(
    model: AnyReranker | str,
    queries_and_documents: Pairs[D],
    top_k: int | None = None,
    abort_event: AbortToken | None = None,
    *,
    max_parallel: int | None = None,
    progress: bool = False,
    **options: Unpack[CallOptions],
) -> list[RerankResult[D]]:
    """Rank each query's own documents and wait for the answers: `rerank_many` with the same arguments and errors."""
    return run_blocking(
        partial(
            rerank_many,
            model,
            queries_and_documents,
            top_k,
            abort_event,
            max_parallel=max_parallel,
            progress=progress,
            **options,
        )
    )


def rerank_as_completed(
    model: AnyReranker | str,
    queries_and_documents: Pairs[D],
    top_k: int | None = None,
    abort_event: AbortToken | None = None,
    *,
    max_parallel: int | None = None,
    **options: Unpack[CallOptions],
) -> AbstractAsyncContextManager[AsyncIterator[tuple[int, RerankResult[D] | RerankError]]]:
    """Rank each query's own documents and hand over each answer when it is there.

        async with rerank_as_completed(model, pairs) as answers:
            async for position, answer in answers:
                ...

    Leaving the block cancels what is left. No more answers wait than `max_parallel`: whoever reads slowly slows the calls.

    Args:
        model: A reranker or a name, as for `rerank`.
        queries_and_documents: Pairs of a query and its documents.
        top_k: How many results each query gets.
        abort_event: Stops all of them; each that is left is then a `RerankAbortedError`.
        max_parallel: Calls at once, at least 1; None means 8.
        options: As for `rerank_many`.

    Returns:
        A context manager whose value yields the position of a pair and its result, or its error.

    Raises:
        InvalidRequestError: A bad argument or pair; raised on entering, before the first call.
    """
    return _as_completed(_Asked(model, queries_and_documents, top_k, abort_event, max_parallel, options))


@asynccontextmanager
async def _as_completed(asked: _Asked[D]) -> AsyncGenerator[AsyncIterator[tuple[int, Any]], None]:
    jobs = await asked.checked()
    send, receive = anyio.create_memory_object_stream[tuple[int, Any]]()
    raised: Exception | None = None

    async def feed() -> None:
        async def deliver(position: int, answer: RerankResult[D] | Exception) -> bool:
            await send.send((position, answer))
            return True

        async with send, anyio.create_task_group() as workers:
            for _ in range(jobs.workers):
                workers.start_soon(jobs.work, deliver)

    with receive:  # closed behind the group: whoever waits to hand over an answer is cancelled, not told that nobody reads
        async with anyio.create_task_group() as group:
            group.start_soon(feed)
            try:
                yield receive
            except Exception as error:  # out of the group first, which would put the caller's own error into a group of errors
                raised = error
            group.cancel_scope.cancel()
    if raised is not None:
        raise raised


@dataclass(frozen=True, slots=True)
class _Jobs(Generic[D]):
    """Checked calls; those who work take one after the other, so that calls begin in the order of the pairs."""

    model: AnyReranker
    requests: Sequence[Request[D]]
    waiting: Iterator[tuple[int, Request[D]]]
    policy: RetryPolicy
    hooks: Hooks | None
    workers: int

    async def work(self, deliver: Deliver[D]) -> None:
        for position, request in self.waiting:
            try:
                answer: RerankResult[D] | Exception = await answer_request(
                    self.model, request, self.policy, self.hooks, pair_index=position
                )
            except Exception as error:
                if isinstance(error, RerankError):
                    error.pair_index = position
                error.add_note(f"In queries_and_documents[{position}].")
                answer = error
            if not await deliver(position, answer):
                return


@dataclass(frozen=True, slots=True)
class _Asked(Generic[D]):
    """The caller's arguments, unchecked."""

    model: AnyReranker | str
    pairs: Pairs[D]
    top_k: int | None
    abort_event: AbortToken | None
    max_parallel: int | None
    options: CallOptions

    async def checked(self) -> _Jobs[D]:
        """Return the calls, once all that can be refused before the first of them is checked."""
        options: dict[str, Any] = {**self.options}
        unknown = ", ".join(sorted({*options} - {*CallOptions.__annotations__}))
        if unknown:
            raise TypeError(f"rerank_many() got an unexpected keyword argument: {unknown}")
        pairs = _pairs(self.pairs)
        workers = min(check_count("max_parallel", self.max_parallel) or DEFAULT_MAX_PARALLEL, len(pairs))
        model = resolve(self.model)
        policy = with_max_retries(options.pop("retry", None), options.pop("max_retries", None))
        hooks = [options.pop(name, None) for name in Hooks.__slots__]
        given = {**_NOTHING_SAID, **options, "top_k": self.top_k, "abort_event": self.abort_event}
        given |= {"read_as_objects": not needs_text(model), "reads_images": reads_images(model)}
        check = partial(check_request, **given)
        requests: list[Request[D]] = []
        for position, (query, documents) in enumerate(pairs):
            if position % _CHECKED_AT_ONCE == _CHECKED_AT_ONCE - 1:
                await checkpoint()
            try:
                requests.append(await self._request(partial(check, query=query, documents=documents)))
            except InvalidRequestError as error:
                raise _of_pair(position, error) from error.__cause__
        raise_if_aborted(self.abort_event, "before_start")
        told = None if all(hook is None for hook in hooks) else Hooks(*hooks)
        return _Jobs(model, requests, iter(enumerate(requests)), policy, told, workers)

    async def _request(self, check: partial[Request[D]]) -> Request[D]:
        if not is_long(check.keywords["documents"]):
            return check()
        return await checked_beside(check, abort_event=self.abort_event, timeout=None, deadline=None)


_NOTHING_SAID: Mapping[str, None] = dict.fromkeys(
    (
        "text",
        "instruction",
        "timeout",
        "headers",
        "provider_options",
        "first_stage_scores",
        "deadline",
        "min_score",
    )
)


def _of_pair(position: int, error: InvalidRequestError) -> InvalidRequestError:
    refusal = InvalidRequestError(f"queries_and_documents[{position}]: {error.message}", hint=error.hint)
    refusal.pair_index = position
    return refusal


@contextmanager
def _bar(total: int, *, shown: bool) -> Iterator[Callable[[], Any]]:
    if not shown:
        yield lambda: None
        return
    tqdm = imported("tqdm.auto", "progress=True", "all")
    with tqdm.tqdm(total=total, unit="query") as bar:
        yield bar.update


def _pairs(given: Pairs[D]) -> list[tuple[str, Sequence[D]]]:
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise InvalidRequestError(
            f"queries_and_documents is of type {type(given).__name__}.",
            hint="Pass a list of (query, documents) pairs.",
        )
    pairs: list[tuple[str, Sequence[D]]] = []
    for position, pair in enumerate(given):
        value: Any = pair
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence) or len(value) != 2:
            raise InvalidRequestError(
                f"queries_and_documents[{position}] is no pair.",
                hint="Pass (query, documents) pairs, such as [(query, [text, text])].",
            )
        pairs.append((value[0], value[1]))
    return pairs
