"""What a dialect is: a body to read, an answer and an error to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from localrank.server.dialects.wire import Answer, RankRequest, RefusedError

__all__ = ["Body", "Dialect", "Json", "JsonObject", "count_of", "named_fields", "texts_of"]

Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]


class Body(msgspec.Struct):
    """A request's body. Unknown fields are skipped, since clients send what other servers know; null is as good as absent."""

    def read(self) -> RankRequest:
        """Return what is asked.

        Raises:
            RefusedError: The body has the right shape and makes no sense.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to speak.

    Attributes:
        name: The path prefix that forces it.
        body: What its requests hold.
        write: Writes an answer down.
        refuse: Writes a refusal down; takes the request's id too.
        invalid: The status that its clients expect for a body that makes no sense.
        answer: The type of what `write` returns, for the description of the API.
        refused: The type of what `refuse` returns, likewise.
        paths: Where its own service listens, for the description of the API.
    """

    name: str
    body: type[Body]
    write: Callable[[Answer], Json]
    refuse: Callable[[RefusedError, str], Json]
    invalid: int
    answer: Any
    refused: Any
    paths: tuple[str, ...]


def count_of(name: str, value: int | None, *, zero_means_all: bool = False) -> int | None:
    """Return how many results are wanted.

    Raises:
        RefusedError: A number below 1.
    """
    if value is None or (zero_means_all and value == 0):
        return None
    if value < 1:
        raise RefusedError(422, f"{name} is {value}; it counts results, so at least 1.", "invalid_request")
    return value


def texts_of(documents: Sequence[Any], fields: Sequence[str] | None) -> list[str]:
    """Return the text of each document: a string as it is, of an object the named fields or its `text`.

    Raises:
        RefusedError: An object without text, or with an image.
    """
    return [_text(index, document, fields) for index, document in enumerate(documents)]


def _text(index: int, document: Any, fields: Sequence[str] | None) -> str:
    if isinstance(document, str):
        return document
    if fields:
        missing = [name for name in fields if name not in document]
        if missing:
            raise RefusedError(422, f"Document {index} has no field {missing[0][:100]!r}.", "invalid_request")
        values = [document[name] for name in fields]
        return _plain(values[0]) if len(fields) == 1 else _lines(zip(fields, values, strict=True))
    if isinstance(document.get("text"), str):
        return str(document["text"])
    if "image" in document:
        raise RefusedError(422, f"Document {index} is an image; this server ranks texts.", "invalid_request")
    if not document:
        raise RefusedError(422, f"Document {index} is an empty object.", "invalid_request")
    return _lines(document.items())


def _lines(pairs: Any) -> str:
    return "\n".join(f"{name}: {_plain(value)}" for name, value in pairs)


def _plain(value: Any) -> str:
    """Return a field's value as its text; what is no string is written as it came, in JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def named_fields(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of `values` that were set, sorted."""
    return tuple(sorted(name for name, value in values.items() if value))
