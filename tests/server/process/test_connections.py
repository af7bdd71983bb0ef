"""Which idle connections are closed, and which are left alone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from localrank.server.process.connections import SILENCE_S, IdleConnections


@dataclass(eq=False)
class Cycle:
    response_complete: bool


@dataclass(eq=False)
class Connection:
    """As uvicorn's protocols are seen from outside."""

    cycle: Cycle | None = None
    closed: bool = False

    def shutdown(self) -> None:
        self.closed = True


def test_the_longest_idle_go_where_there_are_too_many() -> None:
    idle = IdleConnections(2)
    old, middle, new = Connection(), Connection(Cycle(True)), Connection()
    idle.look([old], 0.0)
    idle.look([old, middle], 1.0)

    assert idle.look([new, middle, old], 2.0) == 1
    assert (old.closed, middle.closed, new.closed) == (True, False, False)


def test_one_that_is_answered_now_is_not_idle_and_begins_anew_afterwards() -> None:
    idle, busy, other = IdleConnections(1), Connection(), Connection()
    idle.look([busy], 0.0)
    busy.cycle = Cycle(response_complete=False)
    idle.look([busy, other], 1.0)
    busy.cycle.response_complete = True
    idle.look([busy, other], 2.0)

    assert (busy.closed, other.closed) == (False, True)


@pytest.mark.parametrize(("cycle", "closed"), [(None, True), (Cycle(True), False), (Cycle(False), False)])
def test_one_that_never_asked_goes_after_a_while(cycle: Cycle | None, closed: bool) -> None:
    idle, one = IdleConnections(10), Connection(cycle)
    idle.look([one], 0.0)
    idle.look([one], SILENCE_S)
    assert not one.closed

    idle.look([one], SILENCE_S + 0.1)

    assert one.closed == closed


def test_what_is_gone_is_forgotten() -> None:
    idle = IdleConnections(10)
    idle.look([Connection()], 0.0)
    idle.look([], 1.0)

    assert not idle._since
