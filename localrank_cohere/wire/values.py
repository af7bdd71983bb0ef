"""Values in anybody's JSON: numbers, counts and words; what is none of these is None. Pure."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["count_in", "number_in", "word_in"]

_MOST_COUNTED = 2.0**63
"""A larger count is no count."""


def number_in(value: Any) -> float | None:
    """Return a finite number."""
    if type(value) is not float and type(value) is not int:
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON has integers of any length
        return None
    return number if math.isfinite(number) else None


def count_in(value: Any) -> float | None:
    """Return a number that counts something: not below 0, and below 2**63."""
    number = number_in(value)
    return number if number is not None and 0 <= number < _MOST_COUNTED else None


def word_in(value: Any) -> str | None:
    """Return a string that is not empty."""
    return value if isinstance(value, str) and value else None
