"""Which texts become negatives, and which never do."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.data.mining import (
    Hits,
    bm25_retriever,
    collection,
    guarded,
    with_negatives,
)
from localrank_transformers.training.request import MiningSettings

TEXTS = ["answer", "near", "ANSWER ", "far", "farther"]
ONE = TrainingList("q", ("answer",), (1.0,))


def hits(*scores: float) -> Hits:
    return list(enumerate(scores))


def test_a_text_equal_to_a_positive_but_for_case_and_space_is_never_a_negative() -> None:
    assert guarded(ONE, TEXTS, hits(5, 4, 3, 2, 1), MiningSettings()) == ["near", "far", "farther"]


def test_what_scores_above_the_positives_margin_is_passed_over() -> None:
    scored: Hits = [(1, 0.9), (0, 0.8), (3, 0.7), (4, 0.1)]
    assert guarded(ONE, TEXTS, scored, MiningSettings(margin=0.95)) == ["far", "farther"]
    assert guarded(ONE, TEXTS, scored, MiningSettings()) == ["near", "far", "farther"]


def test_the_rank_window_is_kept() -> None:
    assert guarded(ONE, TEXTS, hits(5, 4, 3, 2, 1), MiningSettings(skip_first=2, depth=4)) == ["far"]


def test_a_list_that_has_negatives_stays_as_it_is() -> None:
    full = TrainingList("q", ("answer", "no"), (1.0, 0.0))

    def no_retriever(queries: Sequence[str], _depth: int) -> list[Hits]:
        assert not queries
        return []

    assert with_negatives([full], TEXTS, no_retriever, MiningSettings(), seed=1) == [full]


def test_a_part_of_the_negatives_is_drawn_from_everything() -> None:
    texts = ["answer", *(f"text {number}" for number in range(50))]
    grown = with_negatives(
        [ONE],
        texts,
        lambda _queries, _depth: [hits(*range(20, 0, -1))],
        MiningSettings(count=10, random_share=0.4),
        seed=1,
    )
    assert len(grown[0].documents) == 11
    assert grown[0].labels == (1.0,) + (0.0,) * 10
    assert grown[0].documents[1:7] == tuple(texts[1:7])
    assert not set(grown[0].documents[7:]) <= set(texts[7:12])


def test_data_of_one_text_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="no text that could be a negative"):
        with_negatives([ONE], ["answer"], lambda _queries, _depth: [hits(1)], MiningSettings(), seed=1)


def test_bm25_finds_the_text_with_the_words_of_the_query() -> None:
    pytest.importorskip("bm25s")
    texts = collection([TrainingList("q", ("a red fox", "blue whales swim", "green parrots"))])
    assert bm25_retriever(texts)(["whales"], 1)[0][0][0] == 1
