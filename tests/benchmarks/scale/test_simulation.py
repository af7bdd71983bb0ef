"""The simulated cluster: what can be reckoned by hand comes out of it."""

from __future__ import annotations

import pytest

from benchmarks.scale.simulation import (
    Cost,
    Request,
    Shape,
    arrivals,
    batch_seconds,
    latencies,
    machines_needed,
)

COST = Cost(0.004, 0.0001)


def test_a_request_alone_takes_its_work_over_the_cores_and_the_way() -> None:
    assert latencies([Request(5.0, 2.0)], 1, 4, added_s=0.1) == [pytest.approx(0.6)]


def test_the_shortest_has_three_quarters_and_the_oldest_one() -> None:
    long, short = latencies([Request(0, 10), Request(0, 3)], 1, 1)

    assert short == pytest.approx(3 / 0.75)
    assert long == pytest.approx(13)  # no core idles, so all work ends when it would in any order


def test_work_is_neither_lost_nor_made_whatever_comes_when() -> None:
    requests = list(arrivals(Shape(), 40, 20, COST, seed=2))
    taken = latencies(requests, 1, 1)
    last = max(request.at + seconds for request, seconds in zip(requests, taken, strict=True))
    free = 0.0
    for request in requests:
        free = max(free, request.at) + request.work

    assert last == pytest.approx(free)


def test_the_router_prefers_the_emptier_replica() -> None:
    assert latencies([Request(0, 5), Request(0.1, 5)], 2, 1) == [pytest.approx(5), pytest.approx(5)]


@pytest.mark.parametrize("shape", [Shape(), Shape(burst=4)], ids=["Poisson", "bursts"])
def test_arrivals_have_the_mean_rate_and_come_in_order(shape: Shape) -> None:
    requests = list(arrivals(shape, 20, 1_000, COST, seed=1))
    times = [request.at for request in requests]

    assert times == sorted(times)
    assert len(times) == pytest.approx(20_000, rel=0.05)


def test_a_burst_has_its_rate() -> None:
    shape = Shape(burst=4)
    times = [request.at % 100 for request in arrivals(shape, 20, 1_000, COST, seed=1)]

    assert sum(1 for at in times if at < 10) / len(times) == pytest.approx(0.4, abs=0.03)


def test_a_part_goes_to_the_first_actor_that_is_free() -> None:
    assert batch_seconds([3, 1, 1, 1], 2, 1, start_s=2) == 5
    assert batch_seconds([4, 4], 1, 2) == 4


def test_the_fewest_machines_keep_the_aim_and_one_less_does_not() -> None:
    shape, rate = Shape(), 10.0
    machines, p50, p99, busy = machines_needed(shape, rate, COST, 1, p99_s=8, added_s=0, lists=3_000)
    fewer = list(arrivals(shape, rate, 3_000 / rate, COST, seed=7))

    assert p50 < p99 <= 8
    assert 0.2 < busy < 1
    assert sorted(latencies(fewer, machines - 1, 1))[int(len(fewer) * 0.99)] > 8
