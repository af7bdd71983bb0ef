"""Arguments checked: a number of any kind, one of a few values, or a path."""

from __future__ import annotations

import operator
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError

__all__ = ["check_choice", "check_count", "check_integer", "check_path", "real_number", "whole_number"]


def whole_number(value: object) -> int | None:
    """Return an integer of any kind, such as numpy's, as a plain one; None for anything else, True and False included."""
    if isinstance(value, bool) or _is_other_kind(value):
        return None
    given: Any = value
    try:
        return operator.index(given)
    except TypeError:
        return None


def real_number(value: object) -> float | None:
    """Return a real number of any kind as a plain one, which may be infinite or not a number; None for anything else.

    Kinds are those of Python, `decimal` and `fractions`, numpy's, and tensors with one element. No number is True or False of
    any library, a text, a complex number, a time, or one beyond float64.
    """
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__") or _is_other_kind(value):
        return None
    given: Any = value
    try:
        return float(given)
    except Exception:  # whatever a type of another library raises, it is no number
        return None


_NO_KINDS = frozenset("bcSUOMm")
"""Of numpy's dtypes: booleans, complex numbers, texts, objects, times. Most of their values turn into floats."""


def _is_other_kind(value: object) -> bool:
    """Return whether the dtype of `value`, if it has one, is none of real numbers."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return False
    kind = getattr(dtype, "kind", None)
    return str(dtype).endswith("bool") if kind is None else kind in _NO_KINDS


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


def check_path(name: str, value: object) -> Path:
    """Return a string, or an object that stands for a path, as a path.

    Raises:
        InvalidRequestError: `value` is none, is empty, or holds a zero, which no file system takes.
    """
    try:
        given = os.fspath(value)  # type: ignore[call-overload]  # what it cannot take is refused below
    except TypeError:
        given = None
    if not isinstance(given, str) or not given or "\0" in given:
        raise InvalidRequestError(
            f"{name} is {value!r}.", hint="Pass the path of a file or a folder as a string."
        )
    return Path(given)
