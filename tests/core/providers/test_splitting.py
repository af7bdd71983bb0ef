"""A long list in parts: even slices, bounded parallel calls, indexes of the whole list."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank import DoRerankOptions, DoRerankResult, InferenceError, ScoredIndex
from localrank.providers.splitting import rerank_in_parts, split


def options(count: int, **more: object) -> DoRerankOptions:
    return DoRerankOptions("q", tuple(f"text {i}" for i in range(count)), **more)  # type: ignore[arg-type]


@given(st.integers(0, 200), st.integers(1, 50))
def test_slices_are_consecutive_small_enough_even_and_as_few_as_can_be(count: int, most: int) -> None:
    parts = split(options(count), most)

    sizes = [len(part.options.documents) for part in parts]
    assert tuple(text for part in parts for text in part.options.documents) == options(count).documents
    assert [part.start for part in parts] == [sum(sizes[:i]) for i in range(len(sizes))]
    assert len(parts) == max(1, -(-count // most))
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1


def test_what_belongs_to_a_document_is_cut_with_it() -> None:
    whole = options(
        4, objects=("a", "b", "c", "d"), first_stage_scores=(4.0, 3.0, 2.0, 1.0), top_k=3, instruction="i"
    )

    first, second = split(whole, 2)

    assert (first.options.objects, second.options.objects) == (("a", "b"), ("c", "d"))
    assert second.options.first_stage_scores == (2.0, 1.0)
    assert (first.options.top_k, first.options.instruction) == (2, "i")


@pytest.mark.anyio
async def test_answers_come_back_in_order_with_indexes_of_the_whole_list() -> None:
    async def do_rerank(part: DoRerankOptions) -> DoRerankResult:
        first = int(part.documents[0].split()[1])
        await anyio.sleep((10 - first) / 1000)
        return DoRerankResult([ScoredIndex(i, first + i) for i in range(len(part.documents))])

    answers = await rerank_in_parts(do_rerank, options(10), max_documents=3, max_parallel=4)

    assert [item.index for answer in answers for item in answer.results] == list(range(10))
    assert [item.score for answer in answers for item in answer.results] == list(range(10))


@pytest.mark.anyio
async def test_no_more_than_max_parallel_run_at_once_and_progress_counts_documents() -> None:
    now = most = 0
    progress: list[tuple[int, int]] = []

    async def do_rerank(part: DoRerankOptions) -> DoRerankResult:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await anyio.sleep(0.002)
        now -= 1
        return DoRerankResult([])

    whole = options(10, report_progress=lambda done, total: progress.append((done, total)))
    await rerank_in_parts(do_rerank, whole, max_documents=2, max_parallel=2)

    assert most == 2
    assert progress == [(2, 10), (4, 10), (6, 10), (8, 10), (10, 10)]


@pytest.mark.anyio
async def test_the_first_failure_is_raised_as_it_is_and_no_further_part_begins() -> None:
    started = 0

    async def do_rerank(part: DoRerankOptions) -> DoRerankResult:
        nonlocal started
        started += 1
        if started == 2:
            raise InferenceError("no")
        await anyio.sleep(60)
        return DoRerankResult([])

    with pytest.raises(InferenceError):
        await rerank_in_parts(do_rerank, options(10), max_documents=1, max_parallel=2)

    assert started == 2
