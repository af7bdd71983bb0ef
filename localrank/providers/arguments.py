"""A constructor's argument checked: a number of at least 1, or one of a few values."""

from __future__ import annotations

from collections.abc import Collection

from localrank.contract.errors import InvalidRequestError

__all__ = ["check_choice", "check_count"]


def check_count(name: str, value: object) -> None:
    """Refuse what is neither None nor an integer of at least 1.

    Raises:
        InvalidRequestError: It is that.
    """
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise InvalidRequestError(f"{name} is {value!r}.", hint="Pass an integer of at least 1, or None.")


def check_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Refuse what is none of `choices`.

    Raises:
        InvalidRequestError: It is that.
    """
    if value not in choices:
        known = ", ".join(repr(choice) for choice in choices)
        raise InvalidRequestError(f"{name} is {value!r}.", hint=f"Pass one of {known}.")
