"""Every way to close a local reranker closes it once."""

from __future__ import annotations

import pytest

from localrank_transformers.rerankers.base import LocalReranker

pytestmark = pytest.mark.anyio


class Counting(LocalReranker):
    closed = 0

    def close(self) -> None:
        self.closed += 1


async def test_aclose_closes() -> None:
    model = Counting()
    await model.aclose()
    assert model.closed == 1


async def test_leaving_an_async_block_closes() -> None:
    async with Counting() as model:
        assert model.closed == 0
    assert model.closed == 1


def test_leaving_a_block_closes_after_an_error_too() -> None:
    model = Counting()
    with pytest.raises(ZeroDivisionError), model:
        raise ZeroDivisionError
    assert model.closed == 1
