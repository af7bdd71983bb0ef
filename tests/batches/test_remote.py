"""Jobs of remote models: repeated as a call is, held back by limits, and what they cost."""

from __future__ import annotations

from typing import Any

import pytest
from anyio.lowlevel import checkpoint

from localrank import InvalidRequestError, Limited, rerank_many_sync
from localrank.batches import BatchJob, BatchProgress, run_batch
from localrank.batches.amounts import Amount, amount_of
from localrank.contract.errors import RerankError
from localrank.testing import LexicalReranker
from localrank_cohere import CohereReranker
from tests.batches.conftest import WriteRows, contents, some_rows
from tests.support.rerank_server import RerankServer, Turn

BUSY = Turn(status=429, headers={"Retry-After": "0.01"})


def a_job(write: WriteRows, **settings: Any) -> BatchJob:
    source = write("in.jsonl", some_rows())
    return BatchJob(source, source.parent / "out", **{"part_documents": 10, **settings})


def test_a_busy_service_is_asked_again_and_the_bytes_are_the_same(write: WriteRows) -> None:
    job = a_job(write)
    with RerankServer() as server:
        model = CohereReranker("rerank-v3.5", api_key="k", base_url=server.url)
        run_batch(job, model)
        expected = contents(job.output)
        for path in job.output.iterdir():
            path.unlink()
        server.script(BUSY, Turn(), Turn(), Turn(status=503, headers=BUSY.headers))
        run_batch(job, model)

        assert len(server.requests) == 12 + 12 + 2
    assert contents(job.output) == expected


def test_a_service_that_stays_away_ends_the_job_which_goes_on_later(write: WriteRows) -> None:
    job = a_job(write, max_parallel=1, max_retries=0)
    with RerankServer() as server:
        model = CohereReranker("rerank-v3.5", api_key="k", base_url=server.url)
        server.script(*[Turn()] * 5, Turn(status=503))
        with pytest.raises(RerankError):
            run_batch(job, model)
        report = run_batch(job, model)

        assert (report.complete, report.resumed) == (True, 20)
        assert len(server.requests) == 6 + 8


def test_no_more_calls_than_allowed_are_open_at_once(write: WriteRows) -> None:
    job = a_job(write, part_documents=1_000, max_parallel=3)
    open_at_once = 0
    most = 0

    class Counting(LexicalReranker):
        async def do_rerank(self, options: Any) -> Any:
            nonlocal open_at_once, most
            open_at_once += 1
            most = max(most, open_at_once)
            await checkpoint()
            answer = await super().do_rerank(options)
            open_at_once -= 1
            return answer

    run_batch(job, Limited(Counting(), concurrency=2))

    assert most == 2


def test_cost_so_far_is_told_over_all_runs(write: WriteRows) -> None:
    job = a_job(write)
    seen: list[BatchProgress] = []
    with RerankServer() as server:
        model = Limited(CohereReranker("rerank-v3.5", api_key="k", base_url=server.url), concurrency=4)
        stopped = run_batch(job, model, should_stop=lambda: True)
        report = run_batch(job, model, on_progress=seen.append)

    assert stopped.dollars == pytest.approx(2 * 0.002)
    assert seen[0].dollars == pytest.approx(4 * 0.002)
    assert report.dollars == seen[-1].dollars == pytest.approx(12 * 0.002)


def test_no_part_is_begun_that_would_cost_too_much(write: WriteRows) -> None:
    with RerankServer() as server:
        model = CohereReranker("rerank-v3.5", api_key="k", base_url=server.url)
        exact = run_batch(a_job(write, max_cost=0.008), model)
        sent = len(server.requests)
        more = run_batch(a_job(write, max_cost=0.0121), model)

    assert (exact.complete, exact.stopped, exact.parts, sent) == (False, "max_cost", 2, 4)
    assert (more.parts, more.resumed) == (3, 20)


def test_a_limit_without_a_price_is_refused_before_anything_is_sent(write: WriteRows) -> None:
    with RerankServer() as server:
        model = CohereReranker("no-such-model", api_key="k", base_url=server.url)
        with pytest.raises(InvalidRequestError, match="the price of cohere:no-such-model is not known"):
            run_batch(a_job(write, max_cost=1), model)

        assert server.requests == []
    with pytest.raises(InvalidRequestError, match="costs nothing"):
        run_batch(a_job(write, max_cost=1), LexicalReranker())


def test_a_remote_model_gets_smaller_parts(write: WriteRows) -> None:
    job = a_job(write, part_documents=None)
    remote = CohereReranker("rerank-v3.5", api_key="k")

    assert job.documents_a_part(LexicalReranker()) == 20_000
    assert job.documents_a_part(Limited(remote, rate=1)) == 2_000


@pytest.mark.parametrize(
    ("lists", "amount"),
    [
        ([("q" * 4, ["t" * 4] * 100)], Amount(1, 100, 200, 1)),
        ([("q" * 4, ["t" * 4] * 101)], Amount(1, 101, 202, 2)),
        ([("q" * 4, ["t" * 1_996] * 100)], Amount(1, 100, 50_000, 1)),
        ([("q" * 4, ["t" * 1_997] * 100)], Amount(1, 100, 50_100, 2)),
        ([("q", []), (None, ["t"]), ("q", [None]), ("qqqq", ["t", None])], Amount(1, 1, 2, 1)),
    ],
)
def test_search_units_are_counted_as_they_are_billed(lists: Any, amount: Amount) -> None:
    assert amount_of(lists) == amount


def test_costs_are_those_of_the_calls(write: WriteRows) -> None:
    rows = some_rows()
    with RerankServer() as server:
        model = CohereReranker("rerank-v3.5", api_key="k", base_url=server.url)
        report = run_batch(a_job(write), model)
        pairs = [(f"query {number}", [row["text"] for row in rows[:5]]) for number in range(12)]
        results = rerank_many_sync(model, pairs)

    assert report.dollars == pytest.approx(sum(result.usage.estimated_cost or 0 for result in results))
