"""Check in: the caller's arguments become one frozen request, or one clear error. Pure."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from localrank.contract.cancellation import AbortToken
from localrank.contract.errors import InvalidRequestError
from localrank.contract.types import shortened

__all__ = ["TEXT_ATTRIBUTES", "TEXT_KEYS", "Request", "TextOf", "check_request"]

D = TypeVar("D")
TextOf = Callable[[Any], str] | str
"""How the text of a document is found: a function, or the name of a mapping's key or an object's attribute."""

TEXT_KEYS = ("text", "page_content", "content")
TEXT_ATTRIBUTES = ("text", "page_content")


@dataclass(frozen=True, slots=True)
class Request(Generic[D]):
    """A valid request: the caller's documents beside their texts, and the numbers brought into range."""

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
    first_stage_scores: Sequence[float] | None,
    deadline: float | None,
) -> Request[D]:
    """Return the request.

    Raises:
        InvalidRequestError: Names the argument, its value and the mend.
    """
    if not isinstance(query, str):
        _refuse("query", query, "Pass a string; the documents come after the query.")
    if instruction is not None and not isinstance(instruction, str):
        _refuse("instruction", instruction, "Pass a string or None.")
    originals = _sequence(documents)
    return Request(
        query=query,
        originals=originals,
        texts=_texts(originals, text),
        top_k=_top_k(top_k, len(originals)),
        timeout=_seconds("timeout", timeout),
        deadline=_seconds("deadline", deadline),
        headers=_headers(headers),
        provider_options=_provider_options(provider_options),
        first_stage_scores=_first_stage(first_stage_scores, len(originals)),
        instruction=instruction,
        abort_event=_token(abort_event),
    )


def _refuse(argument: str, value: object, hint: str) -> NoReturn:
    raise InvalidRequestError(f"{argument} is {shortened(repr(value))}.", hint=hint)


def _sequence(documents: Sequence[D]) -> tuple[D, ...]:
    value: Any = documents
    if isinstance(value, (str, bytes, bytearray)):
        raise InvalidRequestError(
            f"documents is one {type(value).__name__} of length {len(value)}.",
            hint="Pass a list of documents, such as [text]; the order is (model, query, documents).",
        )
    if not isinstance(value, Collection) or isinstance(value, (Mapping, set, frozenset)):
        raise InvalidRequestError(
            f"documents is of type {type(value).__name__}.",
            hint="Pass a list or another sequence: an answer names documents by their position.",
        )
    return tuple(value)


def _texts(originals: tuple[Any, ...], text: TextOf | None) -> tuple[str, ...]:
    if isinstance(text, str) and not text.strip():
        _refuse("text", text, "Pass the key or attribute that holds the text, or a function.")
    if text is not None and not isinstance(text, str) and not callable(text):
        _refuse("text", text, "Pass a key, an attribute name or a function.")
    if not callable(text):
        _refuse_mixed(originals)
    if text is None and all(type(document) is str for document in originals):
        return originals
    return tuple(_text_of(document, index, text) for index, document in enumerate(originals))


def _refuse_mixed(originals: tuple[Any, ...]) -> None:
    first: tuple[str, int] | None = None
    for index, document in enumerate(originals):
        kind = _kind(document)
        if first is None:
            first = (kind, index)
        elif kind != first[0]:
            raise InvalidRequestError(
                f"documents mixes kinds: documents[{first[1]}] is a {first[0]}, documents[{index}] a {kind}.",
                hint="Pass one kind, or text= with a function that returns the text of each.",
            )


def _kind(document: object) -> str:
    if isinstance(document, str):
        return "string"
    return "mapping" if isinstance(document, Mapping) else "object"


def _text_of(document: Any, index: int, text: TextOf | None) -> str:
    found = text(document) if callable(text) else _looked_up(document, index, text)
    if not isinstance(found, str):
        raise InvalidRequestError(
            f"The text of documents[{index}] is of type {type(found).__name__}, not a string.",
            hint="Pass text= with the key, attribute or function that gives the text.",
        )
    return found


def _looked_up(document: Any, index: int, name: str | None) -> Any:
    if isinstance(document, str):
        if name is None:
            return document
        _refuse("text", name, "The documents are strings and have no keys: leave text out.")
    if isinstance(document, Mapping):
        keys: tuple[str, ...] = TEXT_KEYS if name is None else (name,)
        found = next((document[key] for key in keys if key in document), None)
        has = "keys " + ", ".join(sorted(repr(key) for key in document)[:8])
    else:
        keys = TEXT_ATTRIBUTES if name is None else (name,)
        found = next((getattr(document, key) for key in keys if hasattr(document, key)), None)
        has = f"type {type(document).__name__}"
    if found is None:
        raise InvalidRequestError(
            f"documents[{index}] ({has}) has no text under {' or '.join(map(repr, keys))}.",
            hint="Pass text= with the key, attribute or function that gives the text.",
        )
    return found


def _top_k(top_k: int | None, count: int) -> int | None:
    if top_k is None:
        return None
    value: Any = top_k
    if isinstance(value, bool) or not hasattr(value, "__index__") or operator.index(value) < 1:
        _refuse("top_k", top_k, "Pass an integer of at least 1, or None for all.")
    return min(operator.index(value), count) if count else operator.index(value)


def _seconds(argument: str, value: float | None) -> float | None:
    if value is None:
        return None
    number = _real(value)
    if number is None or number <= 0:
        _refuse(argument, value, "Pass a positive number of seconds, or None.")
    return number


def _real(value: Any) -> float | None:
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _headers(headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
    if headers is None:
        return None
    given: Any = headers
    strings = isinstance(given, Mapping) and all(
        isinstance(name, str) and isinstance(value, str) for name, value in given.items()
    )
    if not strings:
        raise InvalidRequestError(
            "headers is no mapping of strings to strings.", hint='Pass {"name": "value"}.'
        )
    return dict(headers)


def _provider_options(
    options: Mapping[str, Mapping[str, Any]] | None,
) -> Mapping[str, Mapping[str, Any]] | None:
    if options is None:
        return None
    given: Any = options
    nested = isinstance(given, Mapping) and all(
        isinstance(name, str) and isinstance(value, Mapping) for name, value in given.items()
    )
    if not nested:
        raise InvalidRequestError(
            "provider_options is no mapping of provider names to mappings.",
            hint='Pass {"cohere": {"max_tokens_per_doc": 512}}.',
        )
    return {name: dict(values) for name, values in options.items()}


def _first_stage(scores: Sequence[float] | None, count: int) -> tuple[float, ...] | None:
    if scores is None:
        return None
    numbers = tuple(map(_real, scores))
    finite = tuple(number for number in numbers if number is not None)
    if len(finite) != len(numbers):
        position = numbers.index(None)
        _refuse(f"first_stage_scores[{position}]", scores[position], "Pass finite numbers.")
    if len(finite) != count:
        raise InvalidRequestError(
            f"first_stage_scores has {len(finite)} entries for {count} documents.",
            hint="Pass one score a document, in the same order.",
        )
    return finite


def _token(abort_event: AbortToken | None) -> AbortToken | None:
    if abort_event is not None and not callable(getattr(abort_event, "is_set", None)):
        _refuse("abort_event", abort_event, "Pass an event: any object with is_set().")
    return abort_event
