"""Vectors of documents from one call to the next: the same bits, no reading, and a bound."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank import InvalidRequestError, rerank
from localrank.contract.types import RerankResult
from localrank_transformers import OnnxReranker
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.native.engine import NativeRequest
from localrank_transformers.engines.onnx.session import OnnxRequest
from localrank_transformers.families.late.known_vectors import DocumentVectors
from tests.support import late_graphs, tiny_models

QUERY = "what is the capital of france"
TEXTS = ["paris is the capital", "the city", "france .", "rag", "the capital of the city of paris"]
ROW_BYTES = 12 * 4


def ids(number: int, tokens: int = 3) -> array[int]:
    return array("i", [number] * tokens)


def vectors(number: int, tokens: int = 3) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.full((tokens, 12), number, np.float32)


def test_what_is_kept_comes_back_as_it_was_and_apart_from_the_run_that_made_it() -> None:
    known, made = DocumentVectors(10_000), vectors(1)
    known.keep(ids(1), made)
    made[:] = 9
    found = known.get(ids(1))
    assert found is not None
    np.testing.assert_array_equal(found, vectors(1))
    assert known.has(ids(1))
    assert known.get(ids(2)) is None


def test_the_longest_unused_makes_room() -> None:
    size = ids(1).itemsize * 3 + 3 * ROW_BYTES
    known = DocumentVectors(2 * size)
    for number in (1, 2):
        known.keep(ids(number), vectors(number))
    known.get(ids(1))
    known.keep(ids(3), vectors(3))
    assert [known.has(ids(number)) for number in (1, 2, 3)] == [True, False, True]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 20)), max_size=60), st.integers(0, 3_000))
def test_never_more_is_held_than_there_is_room_for(steps: list[tuple[int, int]], room: int) -> None:
    known = DocumentVectors(room)
    for number, tokens in steps:
        known.keep(ids(number, tokens), vectors(number, tokens))
        assert 0 <= known.held_bytes <= room


def test_many_threads_may_use_it() -> None:
    known, wrong = DocumentVectors(20 * 3 * ROW_BYTES), []

    def work(seed: int) -> None:
        for step in range(2_000):
            number = (seed * 31 + step * 7) % 50
            found = known.get(ids(number))
            if found is None:
                known.keep(ids(number), vectors(number))
            elif found[0, 0] != number:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert known.held_bytes <= 20 * 3 * ROW_BYTES


def read_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the length of each row that an engine reads."""
    lengths: list[int] = []

    def watch(request: type[OnnxRequest | NativeRequest]) -> None:
        original = request.vectors

        def watching(self: Any, rows: Sequence[Row]) -> Any:
            lengths.extend(len(row.ids) for row in rows)
            return original(self, rows)

        monkeypatch.setattr(request, "vectors", watching)

    watch(OnnxRequest)
    watch(NativeRequest)
    return lengths


def in_order(result: RerankResult[str]) -> list[float]:
    return [hit.score for hit in sorted(result, key=lambda hit: hit.index)]


@pytest.mark.anyio
@pytest.mark.parametrize("model", ["folder", "localrank-tiny"])
async def test_a_known_document_is_not_read_again_and_has_the_same_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    name = str(late_graphs.build(tmp_path / "m")) if model == "folder" else model
    with OnnxReranker(name) as plain, OnnxReranker(name, document_cache_mb=8) as keeping:
        for query in (QUERY, "pasta", QUERY):
            expected = in_order(await rerank(plain, query, [*TEXTS, "new"]))
            await rerank(keeping, query, TEXTS)
            lengths = read_rows(monkeypatch)
            result = await rerank(keeping, query, [*TEXTS, "new"])
            monkeypatch.undo()
            assert in_order(result) == expected
        assert len(lengths) == 1  # the query
        assert result.usage.cache_hits == len(TEXTS) + 1
        assert result.usage.input_tokens == lengths[0]


@pytest.mark.anyio
async def test_closing_forgets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = OnnxReranker(late_graphs.build(tmp_path / "m"), document_cache_mb=8)
    await rerank(model, QUERY, TEXTS)
    model.close()
    lengths = read_rows(monkeypatch)
    result = await rerank(model, QUERY, TEXTS)
    assert len(lengths) == 1 + len(TEXTS)
    assert result.usage.cache_hits == 0


@pytest.mark.anyio
async def test_a_model_of_pairs_has_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="together with its query"):
        await rerank(OnnxReranker(tiny_models.build(tmp_path / "m"), document_cache_mb=8), QUERY, TEXTS)


@pytest.mark.parametrize("value", [0, -1, True])
def test_a_size_that_is_none_is_refused(value: int) -> None:
    with pytest.raises(InvalidRequestError, match="document_cache_mb"):
        OnnxReranker(document_cache_mb=value)


def test_two_precisions_have_none() -> None:
    with pytest.raises(InvalidRequestError, match="refined"):
        OnnxReranker(document_cache_mb=8, precision="refined")
