from __future__ import annotations

import pytest

from localrank.evaluation import DEFAULT_MEASURES
from localrank.evaluation.explained import measure_meaning


@pytest.mark.parametrize("measure", [*DEFAULT_MEASURES, "Success@5", "R", "AP(rel=2)@20", "ERR@10"])
def test_a_common_measure_is_told_in_a_sentence(measure: str) -> None:
    assert measure_meaning(measure).endswith("; 1 is best")


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("nDCG@10", "among the first 10"),
        ("P@1", "in the first place"),
        ("R", "in the whole ranking"),
        ("AP(rel=2)@20", "at each relevant document among the first 20"),
    ],
)
def test_the_cutoff_is_told(measure: str, words: str) -> None:
    assert words in measure_meaning(measure)


def test_of_another_measure_the_definition_is_named() -> None:
    assert "ir-measur.es" in measure_meaning("infAP")
