"""Scored indexes into ranked documents; those that were not scored are made when they are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from localrank.contract.types import RankedDocument
from localrank.providers.unscored import RestUnscored

if TYPE_CHECKING:
    from localrank.calling.checks import Request
    from localrank.contract.model import ScoredIndex

__all__ = ["ranked_documents"]

D = TypeVar("D")

_MADE_AT_ONCE = 10_000
"""Unscored documents that are made with the result: 20 ms."""


def ranked_documents(request: Request[D], results: Sequence[ScoredIndex]) -> Sequence[RankedDocument[D]]:
    """Return the caller's documents in the order of `results`: a tuple, unless very many were not scored."""
    if isinstance(results, RestUnscored) and results.left_count > _MADE_AT_ONCE:
        return _RestLater(request, results)
    return tuple(_ranked(request, item, rank) for rank, item in enumerate(results, start=1))


class _RestLater(Sequence[RankedDocument[D]], Generic[D]):
    """The scored documents, and the others as they are asked for."""

    def __init__(self, request: Request[D], results: RestUnscored) -> None:
        self._request = request
        self._results = results
        self._scored = tuple(
            _ranked(request, item, rank) for rank, item in enumerate(results.scored, start=1)
        )

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
        return _ranked(self._request, self._results[place], place + 1)

    def __iter__(self) -> Iterator[RankedDocument[D]]:
        for rank, item in enumerate(self._results, start=1):
            yield self._scored[rank - 1] if rank <= len(self._scored) else _ranked(self._request, item, rank)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, (tuple, _RestLater)) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # documents may be unhashable


def _ranked(request: Request[Any], item: ScoredIndex, rank: int) -> RankedDocument[Any]:
    index = item.index
    return RankedDocument(
        index=index,
        score=item.score,
        document=request.originals[index],
        text=request.texts[index] if index < len(request.texts) else "",
        rank=rank,
        truncated=item.truncated,
        metadata=dict(item.metadata or {}),
        tier=item.tier,
    )
