"""Arguments checked: a whole number of any kind, or one of a few values."""

from __future__ import annotations

import operator
from collections.abc import Collection
from typing import Any

from localrank.contract.errors import InvalidRequestError

__all__ = ["check_choice", "check_count", "check_integer", "whole_number"]


def whole_number(value: object) -> int | None:
    """Return an integer of any kind, such as numpy's, as a plain one; None for anything else, True and False included."""
    if isinstance(value, bool):
        return None
    given: Any = value
    try:
        return operator.index(given)
    except TypeError:
        return None


def check_count(name: str, value: object, *, least: int = 1) -> int | None:
    """Return None as it is, and an integer of at least `least` as a plain one.

    Raises:
        InvalidRequestError: `value` is neither.
    """
    if value is None:
        return None
    number = whole_number(value)
    if number is None or number < least:
        raise InvalidRequestError(
            f"{name} is {value!r}.", hint=f"Pass an integer of at least {least}, or None."
        )
    return number


def check_integer(name: str, value: object) -> int:
    """Return an integer of any size as a plain one.

    Raises:
        InvalidRequestError: `value` is none.
    """
    number = whole_number(value)
    if number is None:
        raise InvalidRequestError(f"{name} is {value!r}.", hint="Pass an integer.")
    return number


def check_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Refuse what is none of `choices`.

    Raises:
        InvalidRequestError: It is that.
    """
    if value not in choices:
        known = ", ".join(repr(choice) for choice in choices)
        raise InvalidRequestError(f"{name} is {value!r}.", hint=f"Pass one of {known}.")
