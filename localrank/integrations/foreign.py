"""A reranker of another library as a model: stopped between its batches, and left behind where it cannot be stopped."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio

from localrank.calling.retry import RetryPolicy
from localrank.contract.cancellation import POLL_INTERVAL_S, AbortToken, LinkedToken, raise_if_aborted
from localrank.contract.errors import InferenceError, InvalidRequestError, InvalidResponseError, RerankError
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.texts import is_blank, shortened
from localrank.contract.types import RerankWarning, ScoreKind
from localrank.providers.arguments import check_count
from localrank.providers.calls import checked
from localrank.providers.forking import RenewedLock
from localrank.providers.remarks import unread_settings
from localrank.providers.splitting import Part, split
from localrank.providers.unscored import RestUnscored, placed_unscored, unscored_warning
from localrank.providers.worker import run_in_thread

__all__ = ["ForeignReranker", "Scoring", "ranking", "require_method", "type_name"]

Ask = Callable[[DoRerankOptions], Sequence[ScoredIndex]]
"""Asks the other library about the options' documents; blocking code."""

AsyncAsk = Callable[[DoRerankOptions], Awaitable[Sequence[ScoredIndex]]]
"""The same, awaited on the caller's event loop."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """What is known of the other library's scores.

    Args:
        kind: `ordinal` where only the order means anything.
        comparable: Whether a document scores the same in any company; None means True, but for ordinal scores.
        batch_size: Documents of one call of the library; between two calls an abort or a deadline takes effect. None means
            all at once, as does a model whose scores depend on the list.
    """

    kind: ScoreKind = "unknown"
    comparable: bool | None = None
    batch_size: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "batch_size", check_count("batch_size", self.batch_size))
        if self.kind == "ordinal" and self.comparable:
            raise InvalidRequestError(
                "score_kind is 'ordinal' and scores_comparable is True.",
                hint="Places in different lists cannot be compared: leave scores_comparable out.",
            )

    @property
    def is_comparable(self) -> bool:
        """Whether scores of different calls can be compared."""
        return self.kind != "ordinal" if self.comparable is None else self.comparable


class ForeignReranker:
    """Another library's reranker as a model; made by the `from_…` functions.

    Blocking code runs in a worker thread, one call at a time, since few libraries allow more. An abort or a cancelled task ends
    the call at once; the batch in the thread runs to its end, and the next call waits for it.

    Attributes:
        provider: The other library.
        model_id: The other model's name.
        score_kind: What a score is.
        scores_comparable: Whether scores of different calls can be compared.
    """

    def __init__(
        self, provider: str, model_id: str, ask: Ask | AsyncAsk, scoring: Scoring, *, awaited: bool = False
    ):
        self.provider = provider
        self.model_id = model_id
        self.score_kind = scoring.kind
        self.scores_comparable = scoring.is_comparable
        self._ask: Any = ask
        self._batch_size = scoring.batch_size if scoring.is_comparable else None
        self._awaited = awaited
        self._lock = RenewedLock()

    def __repr__(self) -> str:
        return f"<ForeignReranker {self.provider}:{self.model_id}>"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=RenewedLock())

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Ask batch by batch.

        Raises:
            InferenceError: The other library raised; its own error is the cause.
            RerankAbortedError: The abort token was set.
        """
        started = time.monotonic()
        count = len(options.documents)
        ranked: list[ScoredIndex] = []
        asked = 0
        for part in self._parts(options):
            raise_if_aborted(options.abort_event)
            left = None if options.deadline is None else options.deadline - (time.monotonic() - started)
            if left is not None and left <= 0:
                break
            with anyio.move_on_after(left) as in_time:
                answer = await self._answer(part.options)
            if in_time.cancelled_caught:
                break
            ranked += [replace(item, index=item.index + part.start) for item in answer]
            asked += len(part.options.documents)
            options.report_progress(asked, count)
        raise_if_aborted(options.abort_event)
        return self._result(options, ranked, asked)

    def _parts(self, options: DoRerankOptions) -> list[Part]:
        count = len(options.documents)
        return split(options, self._batch_size or count) if count else []

    async def _answer(self, options: DoRerankOptions) -> Sequence[ScoredIndex]:
        try:
            if self._awaited:
                items = list(await self._ask(options))
            else:
                token = LinkedToken(options.abort_event)
                items = await run_in_thread(partial(self._in_turn, options, token), stop=token.set)
        except RerankError:
            raise
        except Exception as error:
            raise self._failed(error) from error
        # Checked here, since an index beyond its batch would pass for one of the next.
        return checked(DoRerankResult(items), model=self, options=replace(options, top_k=None)).results

    def _in_turn(self, options: DoRerankOptions, token: AbortToken) -> list[ScoredIndex]:
        with self._turn(token):
            return list(self._ask(options))

    @contextmanager
    def _turn(self, token: AbortToken) -> Iterator[None]:
        while not self._lock.acquire(timeout=POLL_INTERVAL_S):
            raise_if_aborted(token)
        try:
            raise_if_aborted(token)
            yield
        finally:
            self._lock.release()

    def _failed(self, error: Exception) -> InferenceError:
        failure = InferenceError(
            f"{self.provider}:{self.model_id} raised {type(error).__name__}: {shortened(str(error))}",
            hint="Its own error is this one's cause.",
        )
        failure.is_retryable = RetryPolicy().delay(error, 0) is not None
        return failure

    def _result(self, options: DoRerankOptions, ranked: list[ScoredIndex], asked: int) -> DoRerankResult:
        warnings = unread_settings(options, self.provider)
        count = len(options.documents)
        wanted = count if options.top_k is None else options.top_k
        if asked < count:
            warnings.append(unscored_warning(asked, count))
        elif len(ranked) < wanted:
            warnings.append(self._incomplete(len(ranked), count))
        return DoRerankResult(
            RestUnscored(ranked, count) if len(ranked) < count else ranked, warnings=warnings
        )

    def _incomplete(self, found: int, count: int) -> RerankWarning:
        return RerankWarning(
            "incomplete_ranking",
            f"{self.provider}:{self.model_id} returned {found} of {count} documents; the rest follow in your order, marked "
            "metadata['scored'] = False. If it has a limit of its own, raise it.",
        )


def ranking(
    ranked: Sequence[tuple[int, float | None]],
    documents: Sequence[str],
    *,
    ordinal: bool,
    by: object,
    maker: str | None = None,
) -> list[ScoredIndex]:
    """Return what the other library ranked; ordinal scores are the reciprocal of the rank, whatever it gave.

    A document without a word may have no score: it is placed unscored.

    Args:
        ranked: Index and score of each document, best first.
        documents: The texts that were asked for.
        ordinal: Whether only the order counts.
        by: The other library's object, for the error.
        maker: The function here that reads a bare order with `score_kind="ordinal"`, if it does, for the error.

    Raises:
        InvalidResponseError: A score is wanted and absent.
    """
    if ordinal:
        return [ScoredIndex(index, 1 / rank) for rank, (index, _) in enumerate(ranked, start=1)]
    blank = {index for index, text in enumerate(documents) if is_blank(text)}
    results = [
        placed_unscored(index) if score is None else ScoredIndex(index, score)
        for index, score in ranked
        if score is not None or index in blank
    ]
    if len(results) < len(ranked):
        raise InvalidResponseError(
            f"{type_name(by)} returned a document without a score.",
            hint=maker and f'Where only its order counts, pass score_kind="ordinal" to {maker}.',
        )
    return results


def require_method(argument: str, given: object, method: str, kind: str) -> None:
    """Refuse an object without the method that is to be called; `kind` says what to pass instead.

    Raises:
        InvalidRequestError: There is none.
    """
    if not callable(getattr(given, method, None)):
        raise InvalidRequestError(
            f"{argument} of type {type_name(given)} has no {method}.", hint=f"Pass a {kind}."
        )


def type_name(value: object) -> str:
    """Return the name of a type, for a model that has no better one."""
    return type(value).__name__
