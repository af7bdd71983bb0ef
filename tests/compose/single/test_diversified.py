"""Diversity: what is chosen next, and what the result says of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from localrank import (
    Diversified,
    Identity,
    InvalidRequestError,
    InvalidResponseError,
    rerank,
)
from localrank.compose.rules.mmr import cosine_similarity, marginal_order, word_similarity
from tests.support.small_models import Listwise, Scoring

pytestmark = pytest.mark.anyio

TWINS = [
    "The river floods the old town every spring",
    "The river floods the old town every spring again",
    "Bakers rise long before dawn",
]
RELEVANCE = {TWINS[0]: 0.9, TWINS[1]: 0.85, TWINS[2]: 0.5}


def judge() -> Scoring:
    return Scoring(lambda text: RELEVANCE[text], score_kind="probability")


async def test_a_near_copy_yields_to_something_new():
    result = await rerank(Diversified(judge(), lambda_=0.5), "q", TWINS)
    assert [hit.index for hit in result] == [0, 2, 1]


async def test_lambda_one_keeps_the_models_order():
    result = await rerank(Diversified(judge(), lambda_=1.0), "q", TWINS)
    assert [hit.index for hit in result] == [0, 1, 2]


async def test_scores_are_ordinal_and_the_models_own_is_kept():
    result = await rerank(Diversified(judge(), lambda_=0.5), "q", TWINS)
    assert [hit.score for hit in result] == [1.0, 1 / 2, 1 / 3]
    assert [hit.metadata["relevance"] for hit in result] == [0.9, 0.5, 0.85]
    assert result.score_kind == "ordinal"


async def test_what_is_no_candidate_follows_below_marked():
    result = await rerank(Diversified(judge(), lambda_=0.5, candidates=2), "q", TWINS)
    assert [hit.index for hit in result] == [0, 1, 2]
    assert [hit.tier for hit in result] == [0, 0, 1]
    assert [hit.metadata["diversified"] for hit in result] == [True, True, False]


async def test_the_model_is_asked_for_the_candidates_whatever_top_k():
    inner = judge()
    result = await rerank(Diversified(inner, lambda_=0.5), "q", TWINS, top_k=2)
    assert inner.calls[0].top_k == 3
    assert [hit.index for hit in result] == [0, 2]


async def test_an_embedding_function_decides_what_is_alike():
    vectors = {TWINS[0]: [1.0, 0.0], TWINS[1]: [0.0, 1.0], TWINS[2]: [1.0, 0.1]}

    async def embed(texts):
        return [vectors[text] for text in texts]

    result = await rerank(Diversified(judge(), lambda_=0.5, embed=embed), "q", TWINS)
    assert [hit.index for hit in result] == [0, 1, 2]


async def test_an_embedding_function_may_be_plain():
    result = await rerank(Diversified(judge(), embed=lambda texts: [[1.0]] * len(texts)), "q", TWINS)
    assert len(result) == 3


async def test_vectors_that_do_not_fit_are_refused():
    with pytest.raises(InvalidResponseError, match="1 vectors for 3 texts"):
        await rerank(Diversified(judge(), embed=lambda texts: [[1.0]]), "q", TWINS)


@pytest.mark.parametrize("model", [Identity(), Listwise(), Scoring(lambda text: -100.0 - len(text))])
async def test_any_kind_of_score_will_do(model):
    result = await rerank(Diversified(model), "q", TWINS)
    assert sorted(hit.index for hit in result) == [0, 1, 2]


async def test_many_candidates_are_compared_off_the_event_loop():
    documents = [f"text {number} of {number % 7} rivers" for number in range(200)]
    result = await rerank(Diversified(Scoring(), candidates=200), "q", documents)
    assert sorted(hit.index for hit in result) == list(range(200))


@pytest.mark.parametrize("settings", [{"lambda_": 1.1}, {"lambda_": -0.1}, {"candidates": 0}])
async def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(InvalidRequestError, match=next(iter(settings))):
        Diversified(Scoring(), **settings)


async def test_word_similarity_is_the_cosine_of_word_sets():
    assert word_similarity(["red green", "Green blue!", "red green"])(0, [1, 2]) == pytest.approx([0.5, 1.0])


async def test_texts_without_words_are_like_each_other_only():
    assert word_similarity(["red", "", "..."])(1, [0, 2]) == [0.0, 1.0]


async def test_words_in_most_texts_do_not_count():
    similar = word_similarity(["the cat", "the dog", "the cat", "the bird"])
    assert similar(0, [1, 2]) == pytest.approx([0.0, 1.0])


async def test_cosine_similarity_has_no_negative_values():
    assert cosine_similarity([[1, 0], [-1, 0], [1, 1], [0, 0]])(0, [1, 2, 3]) == pytest.approx(
        [0, 2**-0.5, 0]
    )


async def test_marginal_order_weighs_relevance_against_the_nearest_chosen():
    matrix = [[1.0, 0.9, 0.0], [0.9, 1.0, 0.1], [0.0, 0.1, 1.0]]
    order = marginal_order(
        [1.0, 0.9, 0.3], lambda one, others: [matrix[one][other] for other in others], lambda_=0.5, count=3
    )
    assert order == [0, 2, 1]


@pytest.mark.parametrize(("count", "chosen"), [(0, []), (2, [0, 2]), (3, [0, 2, 1]), (9, [0, 2, 1])])
def test_as_many_are_chosen_as_asked_for_and_there_are(count: int, chosen: list[int]) -> None:
    alike = {(0, 1): 1.0, (0, 2): 0.0, (2, 1): 0.0}

    def similarity(one: int, others: Sequence[int]) -> list[float]:
        return [alike[one, other] for other in others]

    assert marginal_order([0.9, 0.8, 0.7], similarity, lambda_=0.5, count=count) == chosen
