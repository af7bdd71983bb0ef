"""Options of a remote call: each has a name, what it may be, and how it is written on the wire. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.contract.texts import shortened
from localrank.contract.types import RerankWarning

__all__ = [
    "Option",
    "check_options",
    "end_or_none",
    "flag",
    "mapping",
    "names",
    "one_of",
    "spans",
    "text",
    "whole_number",
]

Convert = Callable[[Any], Any]
"""Returns the wire value, or raises `ValueError` with what the value has to be."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a dialect.

    Attributes:
        name: As the caller writes it.
        convert: Checks the value and returns what is sent.
        wire: The field it is sent as, by its path; the name itself where None.
    """

    name: str
    convert: Convert
    wire: str | None = None


def check_options(
    known: Iterable[Option], given: Mapping[str, Any], provider: str
) -> tuple[dict[str, Any], list[RerankWarning]]:
    """Return the fields to send, and a warning for each option that the provider does not have.

    Raises:
        InvalidRequestError: A known option has a value that it cannot have.
    """
    by_name = {option.name: option for option in known}
    fields: dict[str, Any] = {}
    warnings: list[RerankWarning] = []
    for name, value in given.items():
        option = by_name.get(name)
        if option is None:
            warnings.append(_unknown(name, by_name, provider))
            continue
        if value is None:
            continue
        try:
            fields[option.wire or name] = option.convert(value)
        except ValueError as error:
            raise InvalidRequestError(
                f"The option {name!r} of {provider} is {shortened(repr(value))}.", hint=f"Pass {error}."
            ) from None
    return fields, warnings


def _unknown(name: str, known: Iterable[str], provider: str) -> RerankWarning:
    there = ", ".join(sorted(known)) or "none"
    return RerankWarning(
        "unsupported", f"{provider} has no option {name!r}; it was ignored. Known: {there}.", feature=name
    )


def whole_number(low: int, high: int | None = None) -> Convert:
    """Return a check for an integer from `low` to `high`."""
    wanted = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"

    def convert(value: Any) -> int:
        fits = isinstance(value, int) and not isinstance(value, bool) and value >= low
        if not fits or (high is not None and value > high):
            raise ValueError(wanted)
        return int(value)

    return convert


def flag(value: Any) -> bool:
    """Check for True or False."""
    if not isinstance(value, bool):
        raise ValueError("True or False")
    return value


def text(value: Any) -> str:
    """Check for a string with something in it."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a string that is not blank")
    return value


def mapping(value: Any) -> dict[str, Any]:
    """Check for a mapping with string keys."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError("a mapping with string keys")
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ValueError("a mapping that JSON can hold") from None
    return dict(value)


def names(value: Any) -> list[str]:
    """Check for a sequence of strings that is not empty."""
    fits = isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and len(value) > 0
    if not fits or not all(isinstance(name, str) and name for name in value):
        raise ValueError("a list of names that is not empty")
    return list(value)


def one_of(*words: str) -> Convert:
    """Return a check for one of `words`."""

    def convert(value: Any) -> str:
        if value not in words:
            raise ValueError(" or ".join(map(repr, words)))
        return str(value)

    return convert


def end_or_none(value: Any) -> str:
    """Return where texts that are too long are cut, as Pinecone and NVIDIA say it: `END` for True, `NONE` for False."""
    return "END" if flag(value) else "NONE"


def spans(value: Any) -> dict[str, Any]:
    """Return Cohere's `relevant_spans` for True, or for a mapping with `threshold` and `max_spans`."""
    wanted = "True, False, or a mapping with 'threshold' (0 to 1) and 'max_spans' (at least 1)"
    if isinstance(value, bool):
        return {"mode": "enabled" if value else "disabled"}
    if not isinstance(value, Mapping) or not set(value) <= {"mode", "threshold", "max_spans"}:
        raise ValueError(wanted)
    chosen = {"mode": "enabled", **value}
    threshold, most = chosen.get("threshold", 0.0), chosen.get("max_spans", 1)
    real = isinstance(threshold, (int, float)) and not isinstance(threshold, bool)
    whole = isinstance(most, int) and not isinstance(most, bool)
    fits = chosen["mode"] in {"enabled", "disabled"} and real and math.isfinite(threshold) and whole
    if not fits or not 0 <= threshold <= 1 or most < 1:
        raise ValueError(wanted)
    return chosen
