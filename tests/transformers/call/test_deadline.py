"""When a call is to stop: early enough that its answer can still be made."""

from __future__ import annotations

import pytest

from localrank_transformers.call.deadline import S_AN_ENTRY, Watch

DEADLINE_S = 60.0


@pytest.mark.parametrize(("top_k", "is_late"), [(None, True), (10, False)])
def test_a_call_stops_when_what_it_has_scored_takes_the_rest_of_the_time_to_hand_over(
    top_k: int | None, is_late: bool
) -> None:
    watch = Watch(None, DEADLINE_S)
    assert not watch.should_stop()

    watch.expect(int(DEADLINE_S / S_AN_ENTRY), top_k)  # many copies of one text are scored in no time
    assert watch.should_stop() == is_late
