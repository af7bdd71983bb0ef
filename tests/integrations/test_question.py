"""What an integration hands to the core."""

from __future__ import annotations

from typing import Any

import pytest

from localrank.integrations.question import Question
from localrank.testing import MockReranker


@pytest.mark.parametrize(
    ("scores", "handed"),
    [
        ([0.5, 0.25], (0.5, 0.25)),
        ([0.5, None], None),
        ([0.5, float("nan")], None),
        ([float("inf"), 0.5], None),
        ([], None),
    ],
)
def test_retrieval_scores_are_handed_on_where_every_document_has_a_finite_one(
    scores: Any, handed: Any
) -> None:
    model = MockReranker()

    Question(model, "q", ["a", "b"], str, retrieval_scores=scores).answer_sync()

    assert model.calls[0].first_stage_scores == handed
