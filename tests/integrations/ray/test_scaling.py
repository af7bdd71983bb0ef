"""How many replicas the waiting tokens ask for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from localrank.integrations.ray.scaling import WAITING_TOKENS, TokensWaiting


@pytest.mark.parametrize(
    ("waiting", "wanted"),
    [
        ({}, 0),
        ({"a": 0}, 0),
        ({"a": 1}, 1),
        ({"a": 20_000}, 1),
        ({"a": 20_001}, 2),
        ({"a": 30_000, "b": 70_000}, 5),
    ],
)
def test_there_are_as_many_as_keep_the_figure_in_each(waiting: dict[str, float], wanted: int) -> None:
    context = SimpleNamespace(aggregated_metrics={WAITING_TOKENS: waiting})

    assert TokensWaiting(20_000)(context) == (wanted, {})


@pytest.mark.parametrize("reported", [None, {}])
def test_replicas_that_have_not_reported_ask_for_none(reported: dict[str, dict[str, float]] | None) -> None:
    assert TokensWaiting(20_000)(SimpleNamespace(aggregated_metrics=reported))[0] == 0
