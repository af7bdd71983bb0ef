"""Batches hold every text once, stay within the budget and pad little; widths are few."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localrank_transformers.call.planner import batches, bucketed

LENGTHS = st.lists(st.integers(1, 600), max_size=80)


@given(lengths=LENGTHS, budget=st.integers(1, 4_000))
def test_every_position_stands_once_and_batches_keep_the_budget(lengths: list[int], budget: int) -> None:
    plan = batches(lengths, budget=budget)

    assert sorted(position for batch in plan for position in batch) == list(range(len(lengths)))
    for batch in plan:
        assert len(batch) == 1 or max(lengths[at] for at in batch) * len(batch) <= budget


def test_the_longest_come_first() -> None:
    assert batches([5, 40, 40, 5], budget=80) == [(1, 2), (0, 3)]


def test_a_much_shorter_text_starts_a_batch_once_a_pass_is_worth_it() -> None:
    assert batches([100, 100, 100, 20, 20], budget=1_000) == [(0, 1, 2), (3, 4)]
    assert batches([100, 20, 20], budget=1_000) == [(0, 1, 2)]


def test_widths_are_few_and_pad_at_most_a_third() -> None:
    widths = {length: bucketed(length) for length in range(1, 8_193)}

    assert sorted(set(widths.values()))[:8] == [16, 24, 32, 48, 64, 96, 128, 192]
    assert len(set(widths.values())) == 19
    assert all(length <= width for length, width in widths.items())
    assert all(width - length <= width / 3 for length, width in widths.items() if length > 16)


def test_a_width_is_never_beyond_the_positions_of_the_model() -> None:
    assert bucketed(70, 80) == 80
    assert bucketed(80, 80) == 80
    assert bucketed(70, 512) == 96
    assert bucketed(70) == 96
