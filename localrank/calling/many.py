"""Many queries over one model: `rerank_many` answers in their order, `rerank_as_completed` as answers come."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Literal, TypeVar, Unpack, overload

import anyio

from localrank.calling.jobs import CallOptions, Pairs, Unchecked
from localrank.calling.sync import run_blocking
from localrank.contract.cancellation import AbortToken
from localrank.contract.errors import RerankError
from localrank.contract.model import AnyReranker
from localrank.contract.types import RerankResult
from localrank.providers.all_of import all_of
from localrank.providers.annotations import check_types
from localrank.providers.beside import ENDS_PROGRAMS
from localrank.providers.cancelled import pass_cancellation, raise_what_ends_programs
from localrank.providers.extras import imported
from localrank.providers.worker import cancel_requests

__all__ = ["rerank_as_completed", "rerank_many", "rerank_many_sync"]

D = TypeVar("D")


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
    check_types({"return_exceptions": return_exceptions, "progress": progress}, rerank_many)
    asked = Unchecked(model, queries_and_documents, top_k, abort_event, max_parallel, options)
    jobs = await asked.checked()
    answers: dict[int, RerankResult[D] | Exception] = {}

    with _bar(len(jobs.requests), shown=progress) as advance:

        async def deliver(position: int, answer: RerankResult[D] | Exception) -> None:
            advance()
            if isinstance(answer, Exception) and not return_exceptions:
                raise answer
            answers[position] = answer

        try:
            await all_of([partial(jobs.work, deliver)] * jobs.workers)
        except RerankError as first:
            first.finished_results = {position: answers[position] for position in sorted(answers)}
            raise
    return [answers[position] for position in range(len(jobs.requests))]


@overload
def rerank_many_sync(
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
def rerank_many_sync(
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
def rerank_many_sync(
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
    """Rank each query's own documents and wait for the answers: `rerank_many` with the same arguments and errors."""
    return run_blocking(
        partial(
            rerank_many,
            model,
            queries_and_documents,
            top_k,
            abort_event,
            max_parallel=max_parallel,
            return_exceptions=return_exceptions,
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
    return _as_completed(Unchecked(model, queries_and_documents, top_k, abort_event, max_parallel, options))


@asynccontextmanager
async def _as_completed(asked: Unchecked[D]) -> AsyncGenerator[AsyncIterator[tuple[int, Any]], None]:
    jobs = await asked.checked()
    send, receive = anyio.create_memory_object_stream[tuple[int, Any]]()
    raised: BaseException | None = None

    async def feed() -> None:
        async def deliver(position: int, answer: RerankResult[D] | Exception) -> None:
            await send.send((position, answer))

        async with send, anyio.create_task_group() as workers:
            for _ in range(jobs.workers):
                workers.start_soon(jobs.work, deliver)

    before = cancel_requests()
    # Closed behind the group: whoever waits to hand over an answer is cancelled, not told that nobody reads. What calls that
    # were cancelled raise on their way out is of no use to who left.
    with receive:
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(feed)
                try:
                    yield receive
                except (Exception, *ENDS_PROGRAMS) as error:  # the group would put it into a group
                    raised = error
                except BaseExceptionGroup as error:  # with a cancellation in it
                    raised = error
                    raise
                group.cancel_scope.cancel()
        except BaseExceptionGroup as grouped:
            if raised is not None:
                raise raised from None
            raise_what_ends_programs(grouped)
            await pass_cancellation(before)
            if not isinstance(grouped, ExceptionGroup):
                raise
    if raised is not None:
        raise raised


@contextmanager
def _bar(total: int, *, shown: bool) -> Iterator[Callable[[], Any]]:
    if not shown:
        yield lambda: None
        return
    tqdm = imported("tqdm.auto", "progress=True", "all")
    with tqdm.tqdm(total=total, unit="query") as bar:
        yield bar.update
