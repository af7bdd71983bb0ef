"""What is taken for granted of a model that says nothing of itself, and taken from one that does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from localrank.contract.model import ScoredIndex, accepts_objects, is_remote, score_kind, scores_comparable


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (SimpleNamespace(), (True, "unknown", False, False)),
        (
            SimpleNamespace(
                scores_comparable=False, score_kind="logit", is_remote=True, accepts_objects=True
            ),
            (False, "logit", True, True),
        ),
    ],
)
def test_what_a_model_says_of_itself_holds(model: Any, said: tuple[object, ...]) -> None:
    assert (scores_comparable(model), score_kind(model), is_remote(model), accepts_objects(model)) == said


def test_a_scored_index_is_ranked_whole_and_has_nothing_else_to_say() -> None:
    item = ScoredIndex(0, 0.5)

    assert (item.tier, item.truncated, item.metadata) == (0, False, None)
