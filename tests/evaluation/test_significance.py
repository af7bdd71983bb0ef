from __future__ import annotations

from itertools import product

import pytest

from localrank.evaluation import SystemResult, compared
from localrank.evaluation.significance import comparisons_of, holm, intervals


def system(name: str, *values: float) -> SystemResult:
    of = {f"q{at}": value for at, value in enumerate(values)}
    return SystemResult(name, "model", {"AP": sum(values) / len(values)}, {"AP": of}, {})


def exact_p(differences: list[float]) -> float:
    """Every way to choose the signs, counted."""
    observed = abs(sum(differences)) - 1e-9
    sums = [
        abs(sum(sign * one for sign, one in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    return sum(one >= observed for one in sums) / len(sums)


@pytest.mark.parametrize(
    "differences",
    [[0.1, 0.2, 0.3, 0.1, 0.4, 0.2], [0.5, -0.4, 0.1, 0.2, -0.3, 0.6, 0.1], [0.3, 0.0, 0.2, 0.2, 0.1]],
)
def test_p_is_that_of_all_sign_changes_to_sampling_error(differences: list[float]) -> None:
    found = compared(
        [system("a", *[0.2] * len(differences)), system("b", *(0.2 + one for one in differences))], "AP"
    )

    assert found[0].p == pytest.approx(exact_p(differences), abs=0.02)


def test_a_system_does_not_differ_from_itself() -> None:
    found = compared([system("a", 0.1, 0.9, 0.4), system("b", 0.1, 0.9, 0.4)], "AP")[0]

    assert (found.p, found.difference, found.low, found.high, found.wins, found.losses) == (
        1.0,
        0,
        0,
        0,
        0,
        0,
    )


def test_a_clear_difference_is_found_with_its_sign_and_interval() -> None:
    before = [0.01 * at for at in range(50)]
    found = compared(
        [system("a", *before), system("b", *(one + 0.1 + 0.05 * (at % 2) for at, one in enumerate(before)))],
        "AP",
    )[0]

    assert (found.first, found.second, found.wins, found.losses) == ("a", "b", 50, 0)
    assert found.p < 0.0002
    assert 0.1 < found.low < found.difference < found.high < 0.15
    assert found.difference == pytest.approx(0.125)


def test_every_two_systems_are_compared_and_corrected_together() -> None:
    found = compared([system(name, *range(at, at + 8)) for at, name in enumerate("abc")], "AP")

    assert [(one.first, one.second) for one in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [one.p_corrected for one in found] == holm([one.p for one in found])


def test_only_queries_that_all_have_count() -> None:
    found = compared([system("a", 0.0, 0.0), system("b", 1.0, 0.0, 1.0, 1.0)], "AP")[0]

    assert (found.difference, found.wins) == (0.5, 1)


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_an_interval_holds_the_mean_and_narrows_with_more_queries() -> None:
    few, many = system("few", *[0.0, 1.0] * 5), system("many", *[0.0, 1.0] * 200)
    (low, high), (near_low, near_high) = intervals([few], "AP")["few"], intervals([many], "AP")["many"]

    assert low < near_low < 0.5 < near_high < high
    assert near_high - near_low == pytest.approx(2 * 1.96 * 0.5 / 400**0.5, rel=0.1)


def test_nothing_to_compare_is_no_comparison() -> None:
    assert comparisons_of([], "AP") == []
