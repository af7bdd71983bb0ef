"""A breaker opens after failures in a row, lets one trial through, and closes when it succeeds."""

from __future__ import annotations

from localrank.compose.rules.breaker import Breaker
from tests.support.small_models import Clock


def test_after_a_good_trial_it_takes_as_many_failures_as_before() -> None:
    clock = Clock()
    breaker = Breaker(threshold=2, reset_after=10.0, now=clock)
    for _ in range(2):
        breaker.failed()
    clock.time += 10.0
    assert breaker.lets_through()
    breaker.succeeded()

    breaker.failed()
    assert breaker.lets_through()
    breaker.failed()
    assert not breaker.lets_through()


def test_it_stays_open_until_the_whole_time_has_passed() -> None:
    clock = Clock()
    breaker = Breaker(threshold=1, reset_after=10.0, now=clock)
    breaker.failed()

    clock.time += 9.5
    assert not breaker.lets_through()
    clock.time += 0.5
    assert breaker.lets_through()
    assert not breaker.lets_through(), "one trial at a time"
