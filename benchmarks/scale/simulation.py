"""A cluster under a load, event by event: replicas that share out their cores, and actors that take parts. Pure."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["Cost", "Request", "Shape", "arrivals", "batch_seconds", "latencies", "machines_needed"]

_OLDEST_SHARE = 0.25
"""Of a replica's cores, what the request that came first has; the rest is the shortest's, as the scheduler has it."""

_SLICE = 40
"""Machines that are simulated of a larger cluster, under their share of its load: requests are spread by chance over all."""


_HOPELESS = 150
"""Requests in one replica at which a cluster is too small whatever follows."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one core takes for a list, all cores being busy.

    Attributes:
        list_s: Seconds for the query.
        token_s: Seconds for a token of a document.
    """

    list_s: float
    token_s: float

    def of(self, tokens: float) -> float:
        """Return the seconds for a list of so many tokens."""
        return self.list_s + self.token_s * tokens


@dataclass(frozen=True, slots=True)
class Request:
    """One list: when it comes, in seconds, and what one core takes for it."""

    at: float
    work: float


@dataclass(frozen=True, slots=True)
class Shape:
    """What lists look like, and how they come.

    Attributes:
        median: Documents of a list: the median of a log-normal distribution.
        sigma: Of its logarithm.
        most: Documents of the longest list.
        tokens: Tokens of a document.
        burst: How many times the mean rate holds in a burst; 1 has none.
        burst_share: The part of the time that bursts take.
        burst_s: How long each lasts.
    """

    median: float = 50
    sigma: float = 0.8
    most: int = 1_000
    tokens: float = 120
    burst: float = 1
    burst_share: float = 0.1
    burst_s: float = 10

    @property
    def mean_documents(self) -> float:
        """Documents of a list in the mean; what `most` cuts off is not counted."""
        return self.median * math.exp(self.sigma**2 / 2)

    def documents(self, dice: random.Random) -> int:
        """Return how many documents one list has."""
        return max(1, min(self.most, round(dice.lognormvariate(math.log(self.median), self.sigma))))


def arrivals(shape: Shape, rate: float, seconds: float, cost: Cost, *, seed: int) -> Iterator[Request]:
    """Yield requests whose times are a Poisson process: of one rate, or of two that take turns.

    Args:
        shape: What lists look like.
        rate: Lists a second in the mean.
        seconds: How long.
        cost: Of one core.
        seed: The same gives the same requests.
    """
    dice = random.Random(seed)  # noqa: S311 - of arrivals
    calm = rate * (1 - shape.burst * shape.burst_share) / (1 - shape.burst_share)
    period = shape.burst_s / shape.burst_share
    fastest = max(rate, rate * shape.burst)
    at = 0.0
    while (at := at + dice.expovariate(fastest)) < seconds:
        bursting = shape.burst > 1 and at % period < shape.burst_s
        now = rate * shape.burst if bursting else calm if shape.burst > 1 else rate
        if dice.random() * fastest < now:
            yield Request(at, cost.of(shape.documents(dice) * shape.tokens))


@dataclass(slots=True)
class _Replica:
    """Work in progress; `left` is by request, the oldest first, in seconds of one core."""

    cores: float
    at: float = 0.0
    left: dict[int, float] = field(default_factory=dict)

    def _shares(self) -> dict[int, float]:
        oldest = next(iter(self.left))
        shortest = min(self.left, key=self.left.__getitem__)
        if oldest == shortest:
            return {oldest: self.cores}
        return {oldest: self.cores * _OLDEST_SHARE, shortest: self.cores * (1 - _OLDEST_SHARE)}

    def next_end(self) -> float:
        """Return when the next request ends, if none comes before."""
        if not self.left:
            return math.inf
        return self.at + min(self.left[name] / speed for name, speed in self._shares().items())

    def advance(self, now: float) -> list[int]:
        """Compute until `now`, and return what ended."""
        ended = []
        if self.left:
            for name, speed in self._shares().items():
                self.left[name] -= speed * (now - self.at)
                if self.left[name] <= 1e-9:
                    ended.append(name)
        self.at = now
        for name in ended:
            del self.left[name]
        return ended


def latencies(
    requests: Sequence[Request],
    replicas: int,
    cores: float,
    *,
    added_s: float = 0.0,
    give_up: int | None = None,
) -> list[float]:
    """Return how long each request takes, in their order.

    The router sends a request to the emptier of two replicas chosen by chance, as Ray Serve's does.

    Args:
        requests: In the order of their times.
        replicas: How many there are.
        cores: Of each; a list has enough documents for all.
        added_s: What passes besides computing: the way there and back.
        give_up: Requests in one replica at which it can no longer catch up: all of them then take for ever.
    """
    dice = random.Random(1)  # noqa: S311 - of the router
    cluster = _Cluster(requests, replicas, cores)
    for number, request in enumerate(requests):
        cluster.run(request.at)
        two = dice.sample(range(replicas), 2) if replicas > 1 else [0]
        waiting = cluster.take(number, min(two, key=cluster.waiting))
        if give_up is not None and waiting > give_up:
            return [math.inf] * len(requests)
    cluster.run(math.inf)
    return [seconds + added_s for seconds in cluster.taken]


class _Cluster:
    """Replicas, and when the next request ends in each."""

    def __init__(self, requests: Sequence[Request], replicas: int, cores: float) -> None:
        self._requests = requests
        self._replicas = [_Replica(cores) for _ in range(replicas)]
        self._versions = [0] * replicas
        self._ends: list[tuple[float, int, int]] = []
        self.taken = [0.0] * len(requests)

    def waiting(self, place: int) -> int:
        """Return how many requests a replica has."""
        return len(self._replicas[place].left)

    def run(self, until: float) -> None:
        """Compute until then."""
        while self._ends and self._ends[0][0] <= until:
            end, place, version = heapq.heappop(self._ends)
            if version == self._versions[place]:
                self._advance(place, end)

    def take(self, number: int, place: int) -> int:
        """Hand a request to a replica, and return how many it has then."""
        self._advance(place, self._requests[number].at)
        self._replicas[place].left[number] = self._requests[number].work
        self._schedule(place)
        return self.waiting(place)

    def _advance(self, place: int, now: float) -> None:
        for number in self._replicas[place].advance(now):
            self.taken[number] = now - self._requests[number].at
        self._schedule(place)

    def _schedule(self, place: int) -> None:
        self._versions[place] += 1
        end = self._replicas[place].next_end()
        if end < math.inf:
            heapq.heappush(self._ends, (end, place, self._versions[place]))


def batch_seconds(parts: Sequence[float], actors: int, cores: float, *, start_s: float = 0.0) -> float:
    """Return how long actors take for parts of so many seconds of one core, each handed to the first that is free."""
    free = [start_s] * actors
    heapq.heapify(free)
    for work in parts:
        heapq.heappush(free, heapq.heappop(free) + work / cores)
    return max(free)


def machines_needed(
    shape: Shape, rate: float, cost: Cost, cores: int, *, p99_s: float, added_s: float, lists: int = 5_000
) -> tuple[int, float, float, float]:
    """Return the fewest machines that keep p99 below the aim, with their p50, p99 and share of busy time.

    The aim is `p99_s`, or half as much again as the same lists take on idle machines, where that is more.

    Args:
        shape: What lists look like, and how they come.
        rate: Lists a second.
        cost: Of one core.
        cores: Of a machine.
        p99_s: The aim.
        added_s: See `latencies`.
        lists: How many are simulated.
    """
    demand = rate * cost.of(shape.mean_documents * shape.tokens) / cores
    dice = random.Random(5)  # noqa: S311 - of lengths
    alone = sorted(cost.of(shape.documents(dice) * shape.tokens) / cores for _ in range(lists))
    aim = max(p99_s, 1.5 * (alone[int(lists * 0.99)] + added_s))
    found: dict[int, tuple[float, float]] = {}

    def tails(machines: int) -> tuple[float, float]:
        if machines not in found:
            shown = min(machines, _SLICE)
            shared = rate * shown / machines
            seconds = lists / shared
            if shape.burst > 1:  # at least three bursts
                seconds = max(seconds, 3 * shape.burst_s / shape.burst_share)
            some = list(arrivals(shape, shared, min(seconds, 15_000 / shared), cost, seed=7))
            taken = sorted(latencies(some, shown, cores, added_s=added_s, give_up=_HOPELESS))
            found[machines] = (taken[len(taken) // 2], taken[int(len(taken) * 0.99)])
        return found[machines]

    high = max(1, math.ceil(demand))
    low = high - 1
    while tails(high)[1] > aim:
        low, high = high, math.ceil(high * 1.25) + 1
    while high - low > max(1, high // 50):
        middle = (low + high) // 2
        if tails(middle)[1] <= aim:
            high = middle
        else:
            low = middle
    return high, *tails(high), demand / high
