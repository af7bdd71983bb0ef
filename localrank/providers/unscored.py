"""Rankings that a deadline cut short: what was scored, and the rest in the caller's order, made when it is looked at."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, islice
from typing import Any, overload

from localrank.contract.model import ScoredIndex
from localrank.contract.types import RankedDocument, RerankWarning

__all__ = [
    "UNSCORED",
    "UNSCORED_TIER",
    "RestUnscored",
    "is_scored",
    "is_unscored",
    "placed_unscored",
    "scored_part",
    "unscored",
    "unscored_warning",
    "with_scored",
]

UNSCORED = {"scored": False}
"""The mark, in `metadata`, of a document that was placed without being scored."""

UNSCORED_TIER = 1_000
"""Below every tier that a wrapper gives to what it did score."""


class RestUnscored(Sequence[ScoredIndex]):
    """What was scored, and behind it all other documents, unscored and in the caller's order.

    A million entries take a second to make, and nobody looks at most of them: an answer takes the time of what was scored.

    Args:
        scored: The entries of documents that were scored, each once, the best first.
        count: How many documents there are.
        top_k: How many entries there are at most; None means one for each document.
        scored_count: How many documents were scored, where `scored` does not hold them all.
    """

    __slots__ = ("_count", "_left", "_length", "scored", "scored_count")

    def __init__(
        self,
        scored: Sequence[ScoredIndex],
        count: int,
        top_k: int | None = None,
        scored_count: int | None = None,
    ) -> None:
        self._count = count
        self._length = count if top_k is None else min(top_k, count)
        self._left: Sequence[int] | None = None
        self.scored = scored[: self._length]
        self.scored_count = len(scored) if scored_count is None else scored_count

    def with_scored(self, scored: Sequence[ScoredIndex]) -> RestUnscored:
        """Return the same ranking with other entries for the documents that were scored."""
        return RestUnscored(scored, self._count, self._length, self.scored_count)

    @property
    def left_count(self) -> int:
        """How many entries are of documents that were not scored."""
        return self._length - len(self.scored)

    @property
    def left(self) -> Sequence[int]:
        """Indexes of the documents that were not scored, as far as they have entries."""
        if self._left is None:
            unseen = bytearray(b"\1") * self._count
            for item in self.scored:
                unseen[item.index] = 0
            self._left = array("q", islice(compress(range(self._count), unseen), self.left_count))
        return self._left

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[ScoredIndex]:
        yield from self.scored
        yield from map(placed_unscored, self.left)

    @overload
    def __getitem__(self, at: int) -> ScoredIndex: ...
    @overload
    def __getitem__(self, at: slice) -> list[ScoredIndex]: ...
    def __getitem__(self, at: int | slice) -> ScoredIndex | list[ScoredIndex]:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(self._length))]
        place = range(self._length)[at]
        scored = len(self.scored)
        return self.scored[place] if place < scored else placed_unscored(self.left[place - scored])


def placed_unscored(index: int) -> ScoredIndex:
    """Return the marked entry, with score 0, of a document that was not scored."""
    return ScoredIndex(index, 0.0, tier=UNSCORED_TIER, metadata=UNSCORED)


def unscored(indexes: Iterable[int]) -> list[ScoredIndex]:
    """Return marked entries with score 0 for documents that were not scored; they stand last, in the caller's order."""
    return list(map(placed_unscored, indexes))


def scored_part(results: Sequence[ScoredIndex]) -> Sequence[ScoredIndex]:
    """Return those of a checked ranking that were scored."""
    if isinstance(results, RestUnscored):
        return results.scored
    return [item for item in results if item.tier < UNSCORED_TIER]


def is_unscored(item: ScoredIndex) -> bool:
    """Return whether a model placed this document without scoring it: by its tier, or by the mark of a model of your own."""
    return item.tier >= UNSCORED_TIER or (item.metadata or {}).get("scored") is False


def is_scored(ranked: RankedDocument[Any]) -> bool:
    """Return whether the model scored this document, rather than leave it in the caller's order (after a deadline, for one)."""
    return ranked.metadata.get("scored") is not False


def with_scored(results: Sequence[ScoredIndex], scored: Sequence[ScoredIndex]) -> Sequence[ScoredIndex]:
    """Return a checked ranking with `scored` in place of what was scored in it; the rest is not made for that."""
    if isinstance(results, RestUnscored):
        return results.with_scored(scored)
    return [*scored, *(item for item in results if item.tier >= UNSCORED_TIER)]


def unscored_warning(scored: int, total: int) -> RerankWarning:
    """Return the one warning for a ranking that a deadline cut short."""
    return RerankWarning(
        "deadline_exceeded",
        f"The deadline passed after {scored} of {total} documents; the rest follow unscored in your order, marked "
        "metadata['scored'] = False. Allow more time, send fewer documents or take a smaller model.",
        feature="deadline",
    )
