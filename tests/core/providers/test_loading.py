"""Loading once: many ask, one loads, and a load that nobody waits for any more may end."""

from __future__ import annotations

import threading

import pytest

from localrank.providers.loading import LoadOnce


def test_the_value_is_made_once_and_the_wait_is_counted_once() -> None:
    made: list[int] = []
    once = LoadOnce(lambda: made.append(1) or "value")
    (first, waited), (second, again) = once.get(), once.get()
    assert (first, second, made) == ("value", "value", [1])
    assert waited > 0.0
    assert again == 0.0


def test_the_wait_is_told_in_milliseconds() -> None:
    once = LoadOnce(lambda: threading.Event().wait(0.05) or "value")
    assert not once.is_made
    _, waited = once.get()
    assert 49 <= waited < 30_000
    assert once.is_made


def test_who_has_got_the_value_waits_no_longer() -> None:
    once = LoadOnce(lambda: "value")
    once.get(lambda: True)
    assert not once.is_unwanted()


def test_a_failed_load_is_forgotten() -> None:
    outcomes = iter([ValueError("broken"), "value"])

    def load() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    once = LoadOnce(load)
    with pytest.raises(ValueError, match="broken"):
        once.get()
    assert once.get()[0] == "value"


def test_a_load_is_unwanted_only_when_all_who_wait_have_given_up() -> None:
    loading, go_on, first, second = (threading.Event() for _ in range(4))
    seen: list[bool] = []

    def load() -> str:
        loading.set()
        go_on.wait(5)
        seen.append(once.is_unwanted())
        first.set()
        seen.append(once.is_unwanted())
        second.set()
        seen.append(once.is_unwanted())
        return "value"

    once: LoadOnce[str] = LoadOnce(load)
    threads = [threading.Thread(target=once.get, args=(event.is_set,)) for event in (first, second)]
    threads[0].start()
    loading.wait(5)
    threads[1].start()
    while len(once._waiting) < 2:
        pass
    go_on.set()
    for thread in threads:
        thread.join()
    assert seen == [False, False, True]
    assert once.get() == ("value", 0.0)


def test_a_load_that_nobody_registered_for_is_wanted() -> None:
    assert LoadOnce(lambda: "value").is_unwanted() is False


def test_what_was_taken_is_loaded_again() -> None:
    numbers = iter(range(9))
    once = LoadOnce(lambda: f"value {next(numbers)}")
    once.get()
    assert once.take() == "value 0"
    assert once.take() is None
    assert once.get()[0] == "value 1"
