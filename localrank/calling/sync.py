"""`rerank_sync`: the same call for code without async, from a script, a thread or a notebook cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from localrank.calling.portal import run_blocking
from localrank.calling.rerank import rerank
from localrank.calling.retry import RetryPolicy
from localrank.calling.texts import TextOf
from localrank.contract.cancellation import AbortToken
from localrank.contract.events import CallEnded, CallFailed, CallProgress, CallStarted, Hook
from localrank.contract.model import AnyReranker
from localrank.contract.types import RerankResult

__all__ = ["rerank_sync"]

D = TypeVar("D")


def rerank_sync(
    model: AnyReranker | str,
    query: str,
    documents: Sequence[D],
    top_k: int | None = None,
    abort_event: AbortToken | None = None,
    *,
    text: TextOf | None = None,
    instruction: str | None = None,
    max_retries: int | None = None,
    retry: RetryPolicy | None = None,
    timeout: float | None = None,
    headers: Mapping[str, str] | None = None,
    provider_options: Mapping[str, Mapping[str, Any]] | None = None,
    first_stage_scores: Sequence[float] | None = None,
    deadline: float | None = None,
    on_start: Hook[CallStarted] | None = None,
    on_end: Hook[CallEnded] | None = None,
    on_error: Hook[CallFailed] | None = None,
    on_progress: Hook[CallProgress] | None = None,
) -> RerankResult[D]:
    """Rank `documents` and wait for the answer: `rerank` with the same arguments, results and errors.

    It may be called from many threads at once, and while an event loop runs in the calling thread (which it then blocks: in
    async code, await `rerank`). Hooks run in localrank's own thread.
    """
    return run_blocking(
        partial(
            rerank,
            model,
            query,
            documents,
            top_k,
            abort_event,
            text=text,
            instruction=instruction,
            max_retries=max_retries,
            retry=retry,
            timeout=timeout,
            headers=headers,
            provider_options=provider_options,
            first_stage_scores=first_stage_scores,
            deadline=deadline,
            on_start=on_start,
            on_end=on_end,
            on_error=on_error,
            on_progress=on_progress,
        )
    )
