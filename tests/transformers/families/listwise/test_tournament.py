"""The tournament finds the best documents with few comparisons, and makes none twice."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from localrank_transformers.families.listwise.tournament import tournament_order

SIZE = 5


class Judge:
    """Compares by a hidden relevance and remembers what it was asked."""

    def __init__(self, relevance: list[int]) -> None:
        self.relevance = relevance
        self.asked: list[tuple[int, ...]] = []

    def compare(self, groups: list[tuple[int, ...]]) -> list[list[int]]:
        self.asked += groups
        return [sorted(set(group), key=lambda index: -self.relevance[index]) for group in groups]


def run(judge: Judge, *, winners: int, best: int) -> list[list[int]]:
    count = len(judge.relevance)
    return list(tournament_order(count, size=SIZE, winners=winners, best=best, compare=judge.compare))


relevances = st.integers(1, 60).flatmap(lambda count: st.permutations(range(count)))


@given(relevances, st.sampled_from([1, 2]), st.integers(1, 60))
def test_the_best_come_first_and_the_rest_keeps_its_order(
    relevance: list[int], winners: int, best: int
) -> None:
    judge = Judge(relevance)
    order = run(judge, winners=winners, best=best)[-1]
    by_relevance = sorted(range(len(relevance)), key=lambda index: -relevance[index])
    sure = min(best, len(relevance))

    assert sorted(order) == list(range(len(relevance)))
    assert order[:sure] == by_relevance[:sure]
    if best + SIZE <= len(relevance):
        assert order[best:] == sorted(order[best:])


@given(relevances, st.sampled_from([1, 2]), st.integers(1, 60))
def test_no_comparison_is_made_twice_and_each_has_the_size_that_the_model_knows(
    relevance: list[int], winners: int, best: int
) -> None:
    judge = Judge(relevance)
    run(judge, winners=winners, best=best)

    assert all(len(group) == SIZE and list(group) == sorted(group) for group in judge.asked)
    if len(relevance) > SIZE:
        assert len(set(judge.asked)) == len(judge.asked)
        assert all(len(set(group)) == SIZE for group in judge.asked)


@given(relevances, st.sampled_from([1, 2]))
def test_each_step_places_one_more(relevance: list[int], winners: int) -> None:
    orders = run(Judge(relevance), winners=winners, best=60)

    assert all(sorted(order) == list(range(len(relevance))) for order in orders)
    assert all(
        later[: place + 1] == order[: place + 1]
        for place, (order, later) in enumerate(itertools.pairwise(orders))
    )


def test_a_hundred_documents_take_few_comparisons_for_the_first_and_a_path_for_each_further() -> None:
    relevance = list(range(100))
    first, ten = Judge(relevance), Judge(relevance)
    run(first, winners=2, best=1)
    run(ten, winners=2, best=10)

    assert len(first.asked) == 20 + 8 + 3 + 1 + 1
    assert len(ten.asked) <= len(first.asked) + 9 * 5


def test_one_winner_takes_fewer_comparisons_than_two() -> None:
    one, two = Judge(list(range(100))), Judge(list(range(100)))
    run(one, winners=1, best=10)
    run(two, winners=2, best=10)

    assert len(one.asked) < len(two.asked)


def test_the_comparisons_of_a_round_are_asked_at_once() -> None:
    rounds: list[int] = []

    def compare(groups: list[tuple[int, ...]]) -> list[list[int]]:
        rounds.append(len(groups))
        return [sorted(set(group)) for group in groups]

    next(tournament_order(100, size=SIZE, winners=2, best=1, compare=compare))

    assert rounds == [20, 8, 3, 1, 1]


def test_a_list_that_one_comparison_tells_takes_one() -> None:
    judge = Judge([1, 3, 2])

    assert run(judge, winners=2, best=10) == [[1, 2, 0]]
    assert judge.asked == [(0, 0, 1, 1, 2)]


def test_one_document_takes_none() -> None:
    judge = Judge([1])

    assert run(judge, winners=2, best=10) == [[0]]
    assert judge.asked == []
