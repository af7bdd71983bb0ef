"""How long a server asks us to wait, whichever way it says so."""

from __future__ import annotations

import pytest

from localrank.contract.retry_after import read_retry_after

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"Retry-After": " 0.5 "}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"Retry-After": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30.0),
        ({"Retry-After": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"Retry-After": "Fri, 15 Jan 2027 08:00:30 -0000"}, 30.0),
        ({"X-RateLimit-Reset": "12"}, 12.0),
        ({"X-RateLimit-Reset": "1800000045"}, 45.0),
        ({"X-RateLimit-Reset": "1700000000"}, 0.0),
        ({"retry-after": "4", "x-ratelimit-reset": "12"}, 4.0),
        ({"retry-after": "-1", "x-ratelimit-reset": "12"}, 12.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"date": "today"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_wait_is_read_in_seconds(headers: dict[str, str] | None, seconds: float | None) -> None:
    assert read_retry_after(headers, now=lambda: NOW) == seconds
