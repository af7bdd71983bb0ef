"""A plan holds every document once, longest first, and pads only as far as it may."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localrank_transformers.call.planner import (
    EQUAL,
    GROUP_TOKENS,
    PACK_TOKENS,
    UNREAD_AT_ONCE,
    pack,
    plan,
    unread,
)

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
    units = plan(lengths, group_tokens=GROUP_TOKENS)
    assert sorted(position for unit in units for position in unit.positions) == [*range(len(lengths))]
    for unit in units:
        members = [lengths[position] for position in unit.positions]
        assert len(members) == 1 or max(members) * len(members) <= GROUP_TOKENS
        assert min(members) >= 0.9 * max(members)


@given(LENGTHS)
def test_without_a_mask_only_equal_lengths_share_a_run(lengths: list[int]) -> None:
    for unit in plan(lengths, group_tokens=GROUP_TOKENS, least_fill=EQUAL):
        assert len({lengths[position] for position in unit.positions}) == 1


def test_short_documents_share_a_run() -> None:
    assert [len(unit.positions) for unit in plan([32] * 8, group_tokens=GROUP_TOKENS)] == [8]


WORKERS = st.integers(1, 9)
MOST = 4


@given(LENGTHS, WORKERS)
def test_every_position_is_packed_once_and_no_run_has_too_many(lengths: list[int], workers: int) -> None:
    units = pack(lengths, workers=workers, most=MOST)
    assert list(range(len(lengths))) == sorted(position for unit in units for position in unit.positions)
    assert all(1 <= len(unit.positions) <= MOST for unit in units)
    assert all(unit.tokens == sum(lengths[position] for position in unit.positions) for unit in units)


@given(LENGTHS, WORKERS)
def test_runs_begin_with_the_longest_and_are_bounded(lengths: list[int], workers: int) -> None:
    units = pack(lengths, workers=workers, most=MOST)
    tokens = [unit.tokens for unit in units]
    assert tokens == sorted(tokens, reverse=True)
    assert all(len(unit.positions) == 1 or unit.tokens < 2 * PACK_TOKENS for unit in units)


def test_few_short_documents_are_shared_out_evenly() -> None:
    units = pack([46, 36, 33, 33, 31], workers=2, most=MOST)
    assert [unit.tokens for unit in units] == [100, 79]


def test_a_long_document_runs_alone_and_short_ones_fill_the_other_worker() -> None:
    units = pack([30, 400, 30, 30], workers=2, most=MOST)
    assert [unit.positions for unit in units] == [(1,), (0, 2, 3)]


def test_no_worker_waits_for_another_where_all_are_short() -> None:
    assert len(pack([40] * 9, workers=2, most=MOST)) == 4
    assert len(pack([20] * 3, workers=8, most=MOST)) == 3


@given(st.lists(st.sampled_from([0, 0, 0, 7]), max_size=1_500), st.integers(1, 16))
def test_documents_of_which_nothing_is_read_are_divided_among_the_workers(
    work: list[int], workers: int
) -> None:
    units = unread(work, workers=workers)
    assert [at for unit in units for at in unit.positions] == [
        at for at, tokens in enumerate(work) if not tokens
    ]
    sizes = [len(unit.positions) for unit in units]
    assert all(0 < size <= UNREAD_AT_ONCE for size in sizes)
    assert len(units) <= workers or max(sizes) == UNREAD_AT_ONCE
