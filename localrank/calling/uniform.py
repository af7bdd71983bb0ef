"""The texts of very many documents of one kind, read a slice at a time: what most lists are, in a fraction of the time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from localrank.contract.errors import InvalidRequestError

if TYPE_CHECKING:
    from localrank.calling.texts import TextOf

__all__ = ["uniform_numbers", "uniform_texts"]

SLICE_OF_TYPES, SLICE, SLICE_CALLED = 65_536, 1024, 16
"""Documents between two looks at `should_stop`; fewer where a function of the caller's is called for each."""

_TEXT = "text"
"""What is looked at first in a document, whatever its kind."""


def uniform_texts(
    documents: Sequence[Any],
    text: TextOf | None,
    each: Callable[[Sequence[Any]], tuple[str, ...]],
    should_stop: Callable[[], bool],
) -> tuple[str, ...] | None:
    """Return the texts of documents that are all of one type; None means that they are not.

    Args:
        documents: The caller's.
        text: How the text is found.
        each: Looks at each of some documents by itself, where there is not simply a plain string in each under one name.
        should_stop: Looked at between slices; True ends the reading, and the texts up to there are returned.

    Raises:
        InvalidRequestError: What `each` raises of the documents up to the one that has no text.
    """
    kind = _one_type(documents)
    is_name = isinstance(text, str) and bool(text.strip())
    if kind is None or not (text is None or is_name or callable(text)):
        return None
    if kind is str and text is None:
        return tuple(documents)
    texts: list[str] = []
    size = SLICE_CALLED if callable(text) else SLICE
    for start in range(0, len(documents), size):
        if start and should_stop():
            break
        part = documents[start : start + size]
        found = _found(part, kind, text)
        is_plain = found is not None and set(map(type, found)) == {str}
        texts += found if found is not None and is_plain else _each(documents, start, part, each)
    return tuple(texts)


def _one_type(documents: Sequence[Any]) -> type | None:
    kinds: set[type] = set()
    for start in range(0, len(documents), SLICE_OF_TYPES):
        kinds.update(map(type, documents[start : start + SLICE_OF_TYPES]))
    return kinds.pop() if len(kinds) == 1 else None


def _each(
    documents: Sequence[Any],
    start: int,
    part: Sequence[Any],
    each: Callable[[Sequence[Any]], tuple[str, ...]],
) -> Sequence[str]:
    try:
        return each(part)
    except InvalidRequestError:
        each(documents[: start + len(part)])  # again, so that the error names the document's own index
        raise


def _found(documents: Sequence[Any], kind: type, text: TextOf | None) -> list[Any] | None:
    """Return what stands under the first name in every document, where that is a quick look."""
    if callable(text):
        return _called(documents, text)
    if issubclass(kind, str):
        return None
    name = _TEXT if text is None else text
    try:
        if kind is dict:
            return [document[name] for document in documents]
        if issubclass(kind, Mapping):
            return None
        return [getattr(document, name) for document in documents]
    except Exception:  # `each` says what is wrong
        return None


def _called(documents: Sequence[Any], text: Callable[[Any], str]) -> list[Any] | None:
    try:
        return list(map(text, documents))
    except Exception:  # as above
        return None


def uniform_numbers(numbers: Any, count: int) -> tuple[float, ...] | None:
    """Return `count` finite numbers of a list or tuple that are all plain ones; None means that each must be looked at."""
    if type(numbers) not in {list, tuple} or len(numbers) != count or set(map(type, numbers)) - {float, int}:
        return None
    try:
        found = tuple(map(float, numbers))
    except OverflowError:
        return None
    return found if all(map(math.isfinite, found)) else None
