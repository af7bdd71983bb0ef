"""What every wrapper has, and how deep they may stand in each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from localrank import (
    Batched,
    Cached,
    Calibrated,
    Cascade,
    Chunked,
    Diversified,
    Fallback,
    Fused,
    Identity,
    InvalidRequestError,
    Limited,
    When,
    rerank,
    wrapped,
)
from localrank.compose.single.calibration import fit_calibration
from localrank.compose.wrapping.wrapper import MOST_NESTED
from localrank.contract.model import AnyReranker
from tests.support.small_models import Scoring

CALIBRATION = fit_calibration([1.0, 2.0, 3.0, 4.0], [False, True, False, True])

WRAPPERS: dict[str, Callable[[AnyReranker], AnyReranker]] = {
    "batched": lambda model: Batched(model, max_documents=5),
    "cached": Cached,
    "calibrated": lambda model: Calibrated(model, CALIBRATION),
    "cascade": lambda model: Cascade(Identity(), model),
    "chunked": lambda model: Chunked(model, chunk_tokens=64),
    "diversified": Diversified,
    "fallback": lambda model: Fallback(model, Identity()),
    "fused": lambda model: Fused([Identity(), model]),
    "limited": lambda model: Limited(model, concurrency=2),
    "when": lambda model: When(model, min_documents=1),
    "wrapped": lambda model: wrapped(model, transform_options=lambda options: options),
}


def nested(wrapper: Callable[[AnyReranker], AnyReranker], times: int) -> AnyReranker:
    model: AnyReranker = Scoring()
    for _ in range(times):
        model = wrapper(model)
    return model


@pytest.mark.anyio
@pytest.mark.parametrize("name", WRAPPERS)
async def test_as_many_as_may_stand_in_each_other_rank(name: str) -> None:
    result = await rerank(nested(WRAPPERS[name], MOST_NESTED), "q", ["a", "bb"], deadline=30)
    assert sorted(hit.index for hit in result) == [0, 1]


@pytest.mark.parametrize("name", WRAPPERS)
def test_one_more_is_refused_where_it_is_made(name: str) -> None:
    deepest = nested(WRAPPERS[name], MOST_NESTED)
    with pytest.raises(InvalidRequestError, match=rf"more than {MOST_NESTED}.+inside one another"):
        WRAPPERS[name](deepest)


def test_models_side_by_side_are_not_deep() -> None:
    assert (
        len(Fallback(*(Limited(Scoring(), rate=1.0) for _ in range(2 * MOST_NESTED))).models)
        == 2 * MOST_NESTED
    )
