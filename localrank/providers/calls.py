"""Call one model, whichever of the two protocols it follows, and hand back an answer that is checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from localrank.contract.cancellation import LinkedToken
from localrank.contract.errors import InvalidRequestError, InvalidResponseError
from localrank.contract.model import AnyReranker, DoRerankOptions, DoRerankResult, scores_comparable
from localrank.providers.answers import checked
from localrank.providers.beside import ENDS_PROGRAMS, ending_error, is_main_thread
from localrank.providers.windows import in_windows
from localrank.providers.worker import run_in_thread

__all__ = ["call_model", "check_model"]


def check_model(model: object) -> AnyReranker:
    """Return `model` if it looks like a reranker.

    Raises:
        InvalidRequestError: A member is missing; the message names it.
    """
    if inspect.isclass(model):
        raise InvalidRequestError(
            f"model is the class {model.__name__}, not a reranker.",
            hint=f"Pass an instance: {model.__name__}(…).",
        )
    for name in ("model_id", "provider"):
        if not isinstance(getattr(model, name, None), str):
            raise InvalidRequestError(
                f"model of type {type(model).__name__} has no string member {name!r}.",
                hint="A reranker has model_id, provider and do_rerank (or do_rerank_sync).",
            )
    if not any(callable(getattr(model, name, None)) for name in ("do_rerank", "do_rerank_sync")):
        raise InvalidRequestError(
            f"model of type {type(model).__name__} has neither do_rerank nor do_rerank_sync.",
            hint="Write `async def do_rerank(self, options)`, or `def do_rerank_sync(self, options)`.",
        )
    return model  # type: ignore[return-value]  # checked above, member by member


async def call_model(model: AnyReranker, options: DoRerankOptions) -> DoRerankResult:
    """Return the model's answer with `results` checked, sorted by (tier, −score, index) and cut to `top_k`.

    Wrappers call their inner models through this too, so every answer is checked where it is made.

    Raises:
        InvalidResponseError: The answer breaks the contract.
        InferenceError: The model raised what ends a program, such as `SystemExit`, in a loop or thread that other calls share.
    """
    size: int | None = getattr(model, "documents_at_once", None)
    if size is None or len(options.documents) <= size or not scores_comparable(model):
        return await _called(model, options)
    whole = await in_windows(partial(_called, model), options, size)
    return checked(whole, model=model, options=options)


async def _called(model: AnyReranker, options: DoRerankOptions) -> DoRerankResult:
    try:
        answer = await _asked(model, options)
    except ENDS_PROGRAMS as error:
        if is_main_thread():
            raise
        raise ending_error(error, f"The model {model.provider}:{model.model_id}") from error
    return checked(answer, model=model, options=options)


async def _asked(model: AnyReranker, options: DoRerankOptions) -> Any:
    do_rerank: Callable[[DoRerankOptions], Any] | None = getattr(model, "do_rerank", None)
    if do_rerank is None:
        return await _in_thread(model.do_rerank_sync, options)  # type: ignore[union-attr]
    awaitable = do_rerank(options)
    if not inspect.isawaitable(awaitable):
        raise InvalidResponseError(
            f"do_rerank of {model.provider}:{model.model_id} returned {type(awaitable).__name__}, "
            "which cannot be awaited.",
            hint="Write `async def do_rerank`, or rename it to do_rerank_sync.",
        )
    return await awaitable


async def _in_thread(
    do_rerank_sync: Callable[[DoRerankOptions], DoRerankResult], options: DoRerankOptions
) -> DoRerankResult:
    token = LinkedToken(options.abort_event)
    linked = replace(options, abort_event=token)
    return await run_in_thread(partial(do_rerank_sync, linked), stop=token.set)
