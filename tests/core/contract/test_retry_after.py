"""How long a server asks us to wait, whichever way it says so."""

from __future__ import annotations

import time

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


@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms", "x-ratelimit-reset"])
@pytest.mark.parametrize(
    "value",
    [
        "Fri, 31 Dec 99999999999999999999 23:59:59 GMT",
        "Wed, 21 Oct 2015 07:28:00 +99999999999999999999",
        "-1",
        "1e999",
        "1e3",
        "1_000",
        "\u0663",
        "5, 10",
        "[5]",
        "9" * 5_000,
        "Fri 31 Dec 2026 " + "1" * 5_000,
    ],
)
def test_a_wait_that_cannot_be_read_is_no_wait_at_all(name: str, value: str) -> None:
    assert read_retry_after({name: value}, now=lambda: NOW) is None


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of the process is fixed here")
def test_a_date_without_a_zone_is_utc_wherever_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Karachi")
    time.tzset()
    try:
        headers = {"Retry-After": "Fri, 15 Jan 2027 08:00:30 -0000"}
        assert read_retry_after(headers, now=lambda: NOW) == 30.0
    finally:
        monkeypatch.undo()
        time.tzset()
