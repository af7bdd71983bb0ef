"""Check in: the caller's arguments become one frozen request, or one clear error.

A long list is checked in a thread, so that the event loop stays free and a limit on time counts from the first moment.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from localrank.calling.documents import document_texts, document_tuple, is_table
from localrank.calling.guard import run_guarded
from localrank.calling.paths import ABSENT, value_at
from localrank.calling.retry import timed_out
from localrank.calling.texts import TextOf
from localrank.contract.cancellation import AbortToken
from localrank.contract.errors import InvalidRequestError, RerankAbortedError
from localrank.contract.texts import is_blank, plain, shortened
from localrank.providers.arguments import real_number, whole_number
from localrank.providers.images import count_images
from localrank.providers.loading import never
from localrank.providers.worker import run_in_thread

__all__ = [
    "FirstStageScores",
    "Request",
    "check_request",
    "checked_beside",
    "checked_token",
    "is_long",
    "uniform_numbers",
]

D = TypeVar("D")

FirstStageScores = Sequence[float] | str | Callable[[Any], float]
"""The retriever's scores: a list of them, or where each document has its own: a key, an attribute, a path or a function."""

_LONG = 2_000
"""Documents whose check takes longer than a hop to a thread, by far."""

_SHARE = 0.5
"""Of a deadline, what reading the documents may take; the rest is for scoring what was read."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Request(Generic[D]):
    """A valid request: the caller's documents beside their texts, and the numbers brought into range.

    `texts` is shorter than `originals` where the deadline left no time to read them all. `unread_images` counts the
    documents with an image that the model does not read.
    """

    query: str
    originals: tuple[D, ...]
    texts: tuple[str, ...]
    top_k: int | None
    timeout: float | None
    deadline: float | None
    headers: Mapping[str, str] | None
    provider_options: Mapping[str, Mapping[str, Any]] | None
    first_stage_scores: tuple[float, ...] | None
    instruction: str | None
    abort_event: AbortToken | None
    unread_images: int
    min_score: float | None = None


def check_request(
    *,
    query: str,
    documents: Sequence[D],
    top_k: int | None,
    abort_event: AbortToken | None,
    text: TextOf | None,
    instruction: str | None,
    timeout: float | None,
    headers: Mapping[str, str] | None,
    provider_options: Mapping[str, Mapping[str, Any]] | None,
    first_stage_scores: FirstStageScores | None,
    deadline: float | None,
    min_score: float | None = None,
    read_as_objects: bool = False,
    reads_images: bool = False,
    should_stop: Callable[[], bool] = never,
) -> Request[D]:
    """Return the request; with `read_as_objects`, documents need no text (see `needs_text`).

    When `should_stop` ends the reading, texts are those of the documents that were read so far, at least one.

    Raises:
        InvalidRequestError: Names the argument, its value and the mend.
    """
    if not isinstance(query, str):
        _refuse("query", query, "Pass a string; the documents come after the query.")
    if not query[:1].isalnum() and is_blank(query):  # most begin with a letter or a digit
        _refuse("query", query, "Pass a text with words in it: every document answers a blank one alike.")
    if instruction is not None and not isinstance(instruction, str):
        _refuse("instruction", instruction, "Pass a string or None.")
    originals: tuple[D, ...] = document_tuple(documents, text if isinstance(text, str) else "text")
    return Request(
        query=plain(query),
        originals=originals,
        texts=document_texts(
            originals, text, should_stop, read_as_objects=read_as_objects, reads_images=reads_images
        ),
        top_k=_top_k(top_k, len(originals)),
        timeout=_seconds("timeout", timeout),
        deadline=_seconds("deadline", deadline),
        headers=_headers(headers),
        provider_options=_provider_options(provider_options),
        first_stage_scores=_first_stage(first_stage_scores, originals),
        instruction=instruction,
        abort_event=checked_token(abort_event),
        unread_images=0 if reads_images or not _may_hold_images(originals) else count_images(originals),
        min_score=_least(min_score),
    )


def _may_hold_images(documents: tuple[Any, ...]) -> bool:
    return bool(documents) and isinstance(documents[0], Mapping)  # they are of one kind


class _Check(Protocol[D]):
    def __call__(self, *, should_stop: Callable[[], bool]) -> Request[D]: ...


def is_long(documents: Any) -> bool:
    """Whether there are so many documents that the event loop should not wait for their check."""
    return type(documents) in {list, tuple} and len(documents) > _LONG


async def checked_beside(
    check: _Check[D], *, abort_event: AbortToken | None, timeout: float | None, deadline: float | None
) -> Request[D]:
    """Return the request that `check` makes, in a thread; limits that are none are left to it to refuse.

    Raises:
        InvalidRequestError: See `check_request`.
        RerankAbortedError: The token was set meanwhile.
        RerankTimeoutError: `timeout` passed meanwhile.
    """
    started = time.perf_counter()
    is_left = False
    share = _SHARE * deadline if deadline is not None and _is_time(deadline) else None

    def should_stop() -> bool:
        return is_left or (share is not None and time.perf_counter() - started >= share)

    def leave() -> None:
        nonlocal is_left
        is_left = True

    outcome = await run_guarded(
        lambda: run_in_thread(lambda: check(should_stop=should_stop), stop=leave),
        abort_event=abort_event if callable(getattr(abort_event, "is_set", None)) else None,
        seconds=timeout if _is_time(timeout) else None,
    )
    if outcome.value is not None:
        return outcome.value
    if outcome.stopped == "aborted":
        raise RerankAbortedError(phase="before_start")
    if outcome.stopped == "time":
        raise timed_out(timeout or 0.0)
    assert outcome.error is not None
    raise outcome.error


def _is_time(seconds: Any) -> bool:
    return isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds > 0


def _refuse(argument: str, value: object, hint: str) -> NoReturn:
    raise InvalidRequestError(f"{argument} is {shortened(repr(value))}.", hint=hint)


def _top_k(top_k: int | None, count: int) -> int | None:
    if top_k is None:
        return None
    wanted = whole_number(top_k)
    if wanted is None or wanted < 1:
        _refuse("top_k", top_k, "Pass an integer of at least 1, or None for all.")
    return min(wanted, count) if count else wanted


def _seconds(argument: str, value: float | None) -> float | None:
    if value is None:
        return None
    number = _real(value)
    if number is None or number <= 0:
        _refuse(argument, value, "Pass a positive number of seconds, or None.")
    return number


def _least(min_score: float | None) -> float | None:
    number = None if min_score is None else _real(min_score)
    if number is None and min_score is not None:
        _refuse("min_score", min_score, "Pass a finite number, or None to keep all documents.")
    return number


def _real(value: Any) -> float | None:
    of_several = getattr(value, "ndim", 0) != 0
    number = None if of_several else real_number(value)
    return number if number is not None and math.isfinite(number) else None


def _headers(headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
    if headers is None:
        return None
    given = _copied(headers)
    if given is None or not all(isinstance(part, str) for pair in given.items() for part in pair):
        raise InvalidRequestError(
            "headers is no mapping of strings to strings.", hint='Pass {"name": "value"}.'
        )
    return given


def _provider_options(
    options: Mapping[str, Mapping[str, Any]] | None,
) -> Mapping[str, Mapping[str, Any]] | None:
    if options is None:
        return None
    given = _copied(options)
    nested = None if given is None else {name: _copied(values) for name, values in given.items()}
    if nested is None or not all(
        isinstance(name, str) and values is not None for name, values in nested.items()
    ):
        raise InvalidRequestError(
            "provider_options is no mapping of provider names to mappings.",
            hint='Pass {"cohere": {"max_tokens_per_doc": 512}}.',
        )
    return {name: values for name, values in nested.items() if values is not None}


def _copied(given: Any) -> dict[Any, Any] | None:
    """Return a copy of a mapping; None for what is none, or cannot be read."""
    try:
        return dict(given) if isinstance(given, Mapping) else None
    except Exception:  # whatever a mapping of another library raises
        return None


def _first_stage(scores: FirstStageScores | None, documents: Sequence[Any]) -> tuple[float, ...] | None:
    if scores is None:
        return None
    if isinstance(scores, str) or callable(scores):
        return tuple(_own_score(document, index, scores) for index, document in enumerate(documents))
    count = len(documents)
    numbers = uniform_numbers(scores, count)
    if numbers is not None:
        return numbers
    given = _numbers(scores, count)
    if len(given) != count:
        entries = len(given) if len(given) < count else f"more than {count}"
        raise InvalidRequestError(
            f"first_stage_scores has {entries} entries for {count} documents.",
            hint="Pass one score a document, in the same order.",
        )
    finite: list[float] = []
    for position, value in enumerate(given):
        number = _real(value)
        if number is None:
            _refuse(f"first_stage_scores[{position}]", value, "Pass finite numbers.")
        finite.append(number)
    return tuple(finite)


def _own_score(document: Any, index: int, place: str | Callable[[Any], float]) -> float:
    try:
        found = value_at(document, place) if isinstance(place, str) else place(document)
    except Exception as error:
        raise InvalidRequestError(
            f"The first-stage score of documents[{index}] could not be read: {type(error).__name__}.",
            hint="The document's own error is this one's cause.",
        ) from error
    number = _real(found)
    if number is None:
        shown = found is None or isinstance(found, (bool, int, float))  # a text of the document is not
        what = "absent" if found is ABSENT else repr(found) if shown else f"of type {type(found).__name__}"
        where = f" under {shortened(repr(place))}" if isinstance(place, str) else ""
        raise InvalidRequestError(
            f"The first-stage score of documents[{index}]{where} is {shortened(what)} and no finite number.",
            hint="Pass first_stage_scores= with the key, path or function that gives it, or a list with one number a document.",
        )
    return number


def uniform_numbers(numbers: Any, count: int) -> tuple[float, ...] | None:
    """Return `count` finite numbers of a list or tuple that are all plain ones; None means that each must be looked at."""
    if type(numbers) not in {list, tuple} or len(numbers) != count or set(map(type, numbers)) - {float, int}:
        return None
    try:
        found = tuple(map(float, numbers))
    except OverflowError:
        return None
    return found if all(map(math.isfinite, found)) else None


def _numbers(scores: Any, count: int) -> tuple[Any, ...]:
    """Return the numbers, one more than wanted at most: there may be no end of them."""
    unordered = isinstance(scores, (bytes, bytearray, Mapping, AbstractSet)) or is_table(scores)
    try:
        given = None if unordered else tuple(islice(scores, count + 1))
    except Exception as error:
        raise _no_scores(scores) from error
    if given is None:
        raise _no_scores(scores)
    return given


def _no_scores(scores: object) -> InvalidRequestError:
    return InvalidRequestError(
        f"first_stage_scores is of type {type(scores).__name__}.",
        hint="Pass a list with one number a document, in the same order.",
    )


def checked_token(abort_event: AbortToken | None) -> AbortToken | None:
    """Return the token; refuse what is none."""
    if abort_event is not None and not callable(getattr(abort_event, "is_set", None)):
        _refuse("abort_event", abort_event, "Pass an event: any object with is_set().")
    return abort_event
