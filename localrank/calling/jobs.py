"""The calls of `rerank_many`: every argument and pair is checked before the first of them, then a few take them one by one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypedDict, TypeVar

from anyio.lowlevel import checkpoint

from localrank.calling.checks import FirstStageScores, Request, check_request, checked_beside, is_long
from localrank.calling.hooks import Hooks
from localrank.calling.keywords import check_keywords
from localrank.calling.rerank import answer_request
from localrank.calling.retry import RetryPolicy, with_max_retries
from localrank.calling.texts import TextOf
from localrank.contract.cancellation import AbortToken, raise_if_aborted
from localrank.contract.errors import InvalidRequestError, RerankError
from localrank.contract.events import CallEnded, CallFailed, CallProgress, CallStarted, Hook
from localrank.contract.model import AnyReranker, needs_text, reads_images
from localrank.contract.types import RerankResult
from localrank.providers.arguments import check_count
from localrank.providers.registry import resolve

__all__ = ["DEFAULT_MAX_PARALLEL", "CallOptions", "Jobs", "Pairs", "Unchecked"]

D = TypeVar("D")

DEFAULT_MAX_PARALLEL = 8

_CHECKED_AT_ONCE = 64
"""Pairs that are checked between two moments for the rest of the event loop."""

Pairs: TypeAlias = Sequence[tuple[str, Sequence[D]]]
Deliver: TypeAlias = Callable[[int, RerankResult[D] | Exception], Awaitable[None]]
"""Takes the answer of a pair."""


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


_TAKEN = (*CallOptions.__annotations__, "top_k", "abort_event", "max_parallel")


@dataclass(frozen=True, slots=True)
class Jobs(Generic[D]):
    """Checked calls; those who work take one after the other, so that calls begin in the order of the pairs."""

    model: AnyReranker
    requests: Sequence[Request[D]]
    waiting: Iterator[tuple[int, Request[D]]]
    policy: RetryPolicy
    hooks: Hooks | None
    workers: int

    async def work(self, deliver: Deliver[D]) -> None:
        """Take one call after another, and hand over each answer; several do so at once."""
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
            await deliver(position, answer)


@dataclass(frozen=True, slots=True)
class Unchecked(Generic[D]):
    """The caller's arguments."""

    model: AnyReranker | str
    pairs: Pairs[D]
    top_k: int | None
    abort_event: AbortToken | None
    max_parallel: int | None
    options: CallOptions

    async def checked(self) -> Jobs[D]:
        """Return the calls, once all that can be refused before the first of them is checked."""
        options: dict[str, Any] = {**self.options}
        check_keywords("rerank_many", options, _TAKEN)
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
        return Jobs(model, requests, iter(enumerate(requests)), policy, told, workers)

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
