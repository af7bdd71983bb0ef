"""`rerank_many`: many queries over one model, a bounded number at once, answers in the order of the questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import anyio

from localrank.calling.rerank import rerank
from localrank.calling.retry import RetryPolicy
from localrank.calling.texts import TextOf
from localrank.contract.cancellation import AbortToken, raise_if_aborted
from localrank.contract.errors import InvalidRequestError
from localrank.contract.events import CallEnded, CallFailed, CallProgress, CallStarted, Hook
from localrank.contract.model import AnyReranker
from localrank.contract.types import RerankResult
from localrank.providers.arguments import check_count
from localrank.providers.registry import resolve

__all__ = ["DEFAULT_MAX_PARALLEL", "rerank_many"]

D = TypeVar("D")

DEFAULT_MAX_PARALLEL = 8


async def rerank_many(
    model: AnyReranker | str,
    queries_and_documents: Sequence[tuple[str, Sequence[D]]],
    top_k: int | None = None,
    abort_event: AbortToken | None = None,
    *,
    max_parallel: int | None = None,
    min_score: float | None = None,
    text: TextOf | None = None,
    instruction: str | None = None,
    max_retries: int | None = None,
    retry: RetryPolicy | None = None,
    timeout: float | None = None,
    headers: Mapping[str, str] | None = None,
    provider_options: Mapping[str, Mapping[str, Any]] | None = None,
    deadline: float | None = None,
    on_start: Hook[CallStarted] | None = None,
    on_end: Hook[CallEnded] | None = None,
    on_error: Hook[CallFailed] | None = None,
    on_progress: Hook[CallProgress] | None = None,
) -> list[RerankResult[D]]:
    """Rank each query's own documents; the first error cancels the calls that are left and is raised.

    Args:
        model: A reranker or a name, as for `rerank`.
        queries_and_documents: Pairs of a query and its documents.
        top_k: How many results each query gets.
        abort_event: Stops all of them.
        max_parallel: Calls at once, at least 1; None means 8. A local model shares its workers among them.
        min_score: Leave out documents of each query that score less; see `rerank`.
        text: As for `rerank`, like all that follows; times and retries are for each call on its own.
        instruction: What "relevant" means here.
        max_retries: Repetitions after a failure that may mend.
        retry: The whole retry policy.
        timeout: Seconds for each call.
        headers: Extra HTTP headers for a remote model.
        provider_options: Options by provider name.
        deadline: Seconds for each call after which its best ranking so far is returned.
        on_start: Called for each call.
        on_end: Called for each call that succeeds.
        on_error: Called for each call that fails.
        on_progress: Called as documents are scored; `call_id` tells the calls apart.

    Returns:
        One result a pair, in the order of the pairs.

    Raises:
        InvalidRequestError: A bad argument.
        RerankError: Whatever the first failing call raised.
    """
    pairs = _pairs(queries_and_documents)
    workers = min(check_count("max_parallel", max_parallel) or DEFAULT_MAX_PARALLEL, len(pairs))
    reranker = resolve(model)
    raise_if_aborted(abort_event, "before_start")
    results: dict[int, RerankResult[D]] = {}
    failures: list[Exception] = []
    waiting = iter(enumerate(pairs))  # shared, so that calls begin in the order of the pairs

    async def work() -> None:
        for position, (query, documents) in waiting:
            try:
                results[position] = await rerank(
                    reranker,
                    query,
                    documents,
                    top_k,
                    abort_event,
                    min_score=min_score,
                    text=text,
                    instruction=instruction,
                    max_retries=max_retries,
                    retry=retry,
                    timeout=timeout,
                    headers=headers,
                    provider_options=provider_options,
                    deadline=deadline,
                    on_start=on_start,
                    on_end=on_end,
                    on_error=on_error,
                    on_progress=on_progress,
                )
            except Exception as error:
                failures.append(error)
                group.cancel_scope.cancel()
                return

    async with anyio.create_task_group() as group:
        for _ in range(workers):
            group.start_soon(work)
    if failures:
        raise failures[0]
    return [results[position] for position in range(len(pairs))]


def _pairs(given: Sequence[tuple[str, Sequence[D]]]) -> list[tuple[str, Sequence[D]]]:
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
