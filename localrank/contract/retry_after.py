"""How long a server asks us to wait, read from the headers of its answer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

__all__ = ["read_retry_after"]

_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{0,20})?")
_LONGEST = 100
"""Characters of a value that are looked at; a longer one is no wait."""

_EPOCH_FLOOR_S = 1_000_000_000.0
"""`X-RateLimit-Reset` above this is a point in time, below it a number of seconds."""


def read_retry_after(
    headers: Mapping[str, str] | None, *, now: Callable[[], float] = time.time
) -> float | None:
    """Return the wait in seconds, or None where no header states a usable one.

    `retry-after-ms` comes first, then `Retry-After` (seconds or an HTTP date, RFC 9110 §10.2.3), then
    `X-RateLimit-Reset` (seconds, or a Unix time).

    Args:
        headers: The answer's headers; names are compared without case.
        now: The present as a Unix time, for the forms that name a point in time.
    """
    lowered = {
        name.lower(): value.strip() for name, value in (headers or {}).items() if len(value) <= _LONGEST
    }
    readers: tuple[tuple[str, Callable[[str], float | None]], ...] = (
        ("retry-after-ms", lambda value: _scaled(_number(value), 0.001)),
        ("retry-after", lambda value: _seconds_or_date(value, now)),
        ("x-ratelimit-reset", lambda value: _seconds_or_epoch(value, now)),
    )
    for name, read in readers:
        wait = read(lowered[name]) if name in lowered else None
        if wait is not None and wait >= 0:
            return wait
    return None


def _number(value: str) -> float | None:
    """Return the number that `value` is: digits as HTTP writes them, no sign, no exponent, no infinity."""
    return float(value) if _NUMBER.fullmatch(value) else None


def _scaled(number: float | None, factor: float) -> float | None:
    return None if number is None else number * factor


def _seconds_or_date(value: str, now: Callable[[], float]) -> float | None:
    seconds = _number(value)
    if seconds is not None:
        return seconds
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  # a third of the import time of `rerank`

    try:
        moment = _as_utc(parsedate_to_datetime(value)).timestamp()
    except (ValueError, TypeError, OverflowError):  # a year or a zone of twenty digits overflows
        return None
    return max(0.0, moment - now())


def _as_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds_or_epoch(value: str, now: Callable[[], float]) -> float | None:
    number = _number(value)
    if number is None or number < _EPOCH_FLOOR_S:
        return number
    return max(0.0, number - now())
