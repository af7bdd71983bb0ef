"""Which bars a measured model meets."""

from __future__ import annotations

from benchmarks.common.statistics import Interval
from benchmarks.embedded.measuring.bars import Measured, bars_of


def measured(collection: str, first: float, value: float, model: str = "new int8") -> Measured:
    def exact(number: float) -> Interval:
        return Interval(number, number, number)

    return Measured(collection, "run", model, 10, exact(first), exact(value), exact(value - first))


def test_a_loss_of_up_to_five_thousandths_is_allowed() -> None:
    bars = bars_of([measured("cisi", 0.4, 0.396), measured("cacm", 0.4, 0.394)])
    assert [bar.met for bar in bars] == [True, False]


def test_questions_are_held_together() -> None:
    bars = bars_of([measured("wikiqa", 0.5, 0.5), measured("scifact", 0.5, 0.62)])
    assert bars[-1].measured == "× 1.120"
    assert bars[-1].met


def test_a_model_is_held_against_the_last_one_named() -> None:
    bars = bars_of([measured("cisi", 0.4, 0.44), measured("cisi", 0.4, 0.40, model="old int8")])
    assert bars[-1].name.startswith("new int8 over old")
    assert bars[-1].measured == "× 1.100"


def test_the_small_model_is_held_against_the_gain_of_the_large_one() -> None:
    large = [
        measured("cisi", 0.4, 0.5, "localrank-mini int8"),
        measured("cacm", 0.4, 0.5, "localrank-mini int8"),
    ]
    small = [
        measured("cisi", 0.4, 0.5, "localrank-tiny int8"),
        measured("cacm", 0.4, 0.43, "localrank-tiny int8"),
    ]
    bar = next(bar for bar in bars_of([*large, *small]) if "mean gain" in bar.name)
    assert (bar.measured, bar.met) == ("65%", True)
    assert not any("mean gain" in bar.name for bar in bars_of(small))


def test_the_small_model_is_none_that_came_before() -> None:
    rows = [measured("cisi", 0.4, 0.5, name) for name in ("localrank-mini int8", "localrank-tiny int8")]
    assert not any("mean of all" in bar.name for bar in bars_of(rows))
    assert any(bar.name.startswith("localrank-tiny int8, cisi") for bar in bars_of(rows))
