"""A plan holds every document once, longest first, and pads only as far as it may."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localrank_transformers.planner import EQUAL, GROUP_TOKENS, plan

LENGTHS = st.lists(st.integers(1, 600), max_size=80)


@given(LENGTHS, st.sampled_from([0, GROUP_TOKENS]))
def test_every_position_is_planned_once(lengths: list[int], group_tokens: int) -> None:
    planned = [position for unit in plan(lengths, group_tokens=group_tokens) for position in unit.positions]
    assert list(range(len(lengths))) == sorted(planned)


@given(LENGTHS)
def test_without_groups_each_runs_alone_longest_first(lengths: list[int]) -> None:
    units = plan(lengths, group_tokens=0)
    assert all(len(unit.positions) == 1 for unit in units)
    assert sorted(lengths, reverse=True) == [unit.tokens for unit in units]


@given(LENGTHS)
def test_a_group_stays_within_the_budget_and_nearly_equal(lengths: list[int]) -> None:
    for unit in plan(lengths, group_tokens=GROUP_TOKENS):
        members = [lengths[position] for position in unit.positions]
        assert len(members) == 1 or max(members) * len(members) <= GROUP_TOKENS
        assert min(members) >= 0.9 * max(members)


@given(LENGTHS)
def test_without_a_mask_only_equal_lengths_share_a_run(lengths: list[int]) -> None:
    for unit in plan(lengths, group_tokens=GROUP_TOKENS, least_fill=EQUAL):
        assert len({lengths[position] for position in unit.positions}) == 1


def test_short_documents_share_a_run() -> None:
    assert [len(unit.positions) for unit in plan([32] * 8, group_tokens=GROUP_TOKENS)] == [8]
