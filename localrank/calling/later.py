"""A ranking whose unscored documents are made when they are looked at: a million of them take a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar, overload

from localrank.contract.model import ScoredIndex
from localrank.contract.types import RankedDocument
from localrank.providers.unscored import RestUnscored

__all__ = ["RestLater"]

D = TypeVar("D")


class RestLater(Sequence[RankedDocument[D]], Generic[D]):
    """The scored documents, and the others as they are asked for.

    Args:
        make: Returns the caller's document for an entry at a rank, from 1.
        results: The ranking.
    """

    def __init__(self, make: Callable[[ScoredIndex, int], RankedDocument[D]], results: RestUnscored) -> None:
        self._make = make
        self._results = results
        self._scored = tuple(make(item, rank) for rank, item in enumerate(results.scored, start=1))

    def __len__(self) -> int:
        return len(self._results)

    @overload
    def __getitem__(self, at: int) -> RankedDocument[D]: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[RankedDocument[D], ...]: ...
    def __getitem__(self, at: int | slice) -> RankedDocument[D] | tuple[RankedDocument[D], ...]:
        if isinstance(at, slice):
            return tuple(self[place] for place in range(*at.indices(len(self))))
        place = range(len(self))[at]
        if place < len(self._scored):
            return self._scored[place]
        return self._make(self._results[place], place + 1)

    def __iter__(self) -> Iterator[RankedDocument[D]]:
        for rank, item in enumerate(self._results, start=1):
            yield self._scored[rank - 1] if rank <= len(self._scored) else self._make(item, rank)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, (tuple, RestLater)) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # documents may be unhashable
