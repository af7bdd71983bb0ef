"""Any scoring function as a model."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from localrank.contract.errors import InvalidRequestError, InvalidResponseError
from localrank.contract.model import DoRerankOptions, ScoredIndex
from localrank.contract.types import ScoreKind
from localrank.integrations.foreign import ForeignReranker, Scoring, type_name

__all__ = ["ScoreDocuments", "from_callable", "one_score_each"]

ScoreDocuments = (
    Callable[[str, list[str]], Sequence[float]] | Callable[[str, list[str]], Awaitable[Sequence[float]]]
)
"""Takes the query and the documents; returns or awaits one score a document, in their order."""


def from_callable(
    function: ScoreDocuments,
    *,
    model_id: str | None = None,
    provider: str = "callable",
    score_kind: ScoreKind = "unknown",
    scores_comparable: bool | None = None,
    batch_size: int | None = 32,
) -> ForeignReranker:
    """Return a model that scores with `function(query, documents)`.

    Args:
        function: Returns one number a document, in order. Blocking code runs in a worker thread, one call at a time; a
            coroutine function is awaited on the caller's event loop.
        model_id: Its name; None means the function's own. Give one where scores are cached.
        provider: The provider's name.
        score_kind: What a score is; `ordinal` where only the order means anything.
        scores_comparable: False where a score depends on the other documents of the call.
        batch_size: Documents of one call of `function`; None means all at once.

    Raises:
        InvalidRequestError: An argument that cannot work.
    """
    if not callable(function):
        raise InvalidRequestError(
            f"function is of type {type_name(function)}.", hint="Pass a function of (query, documents)."
        )
    if not provider or ":" in provider:
        raise InvalidRequestError(f"provider is {provider!r}; it has no colon and is not empty.")
    name: str = model_id or getattr(function, "__qualname__", "") or type_name(function)
    scoring = Scoring(score_kind, scores_comparable, batch_size)
    call = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  # an object whose __call__ is async
    )
    return ForeignReranker(
        provider, name, _AsyncFunction(function) if call else _Function(function), scoring, awaited=call
    )


def one_score_each(scores: Any, options: DoRerankOptions) -> list[ScoredIndex]:
    """Return the scores with their indexes.

    Raises:
        InvalidResponseError: Not one score a document.
    """
    try:
        given = list(scores)
    except TypeError:
        raise InvalidResponseError(
            f"The scoring function returned {type_name(scores)}.",
            hint="Return a list with one number a document.",
        ) from None
    if len(given) != len(options.documents):
        raise InvalidResponseError(
            f"The scoring function returned {len(given)} scores for {len(options.documents)} documents.",
            hint="Return one number a document, in their order.",
        )
    return [ScoredIndex(index, score) for index, score in enumerate(given)]


@dataclass(frozen=True, slots=True)
class _Function:
    function: Any

    def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        return one_score_each(self.function(options.query, list(options.documents)), options)


@dataclass(frozen=True, slots=True)
class _AsyncFunction:
    function: Any

    async def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        return one_score_each(await self.function(options.query, list(options.documents)), options)
