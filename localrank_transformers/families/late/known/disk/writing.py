"""Where this process writes documents: a segment at a time that it alone holds, within the bounds of the store."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localrank_transformers.families.late.known.disk.index import Place, StoreIndex
from localrank_transformers.families.late.known.disk.segments import Located, SegmentWriter, remove, sum_of
from localrank_transformers.families.late.known.packed import PackedDocument

__all__ = ["Bounds", "Writing"]

_SEGMENTS = 32
"""Into which the room is divided, within the bounds that follow: that much makes room at once."""

_SMALLEST, _LARGEST = 1 << 20, 1 << 28

_OF_VECTORS, _OF_LOG = 0.95, 2_000_000
"""The part of the room that vectors may take, and the bytes of it that are for SQLite's log; the rest is for the index."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a store may take.

    Attributes:
        max_mb: Of the disk, in 10⁶ bytes.
    """

    max_mb: int

    @property
    def most(self) -> int:
        """Bytes that all segments may have."""
        return int(self.max_mb * 1e6 * _OF_VECTORS) - _OF_LOG

    @property
    def capacity(self) -> int:
        """Bytes of a new segment."""
        return max(_SMALLEST, min(_LARGEST, self.most // _SEGMENTS))

    @classmethod
    def least_mb(cls, document: int) -> int:
        """Return the least `max_mb` of a store that keeps a document of so many bytes, if any does."""
        return math.ceil((_SEGMENTS * document + _OF_LOG) / _OF_VECTORS / 1e6)


class Writing:
    """Its caller sees to it that one thread at a time uses it.

    Args:
        folder: Of the store.
        located: What this process knows of its segments; those that are removed are forgotten there, too.

    Attributes:
        makes_room: Whether documents had to make room for what was written.
        left_out: Bytes of the largest document that no segment holds; 0 where there was none.
    """

    def __init__(self, folder: Path, located: Located) -> None:
        self._folder = folder
        self._located = located
        self._segment: SegmentWriter | None = None
        self.makes_room = False
        self.left_out = 0

    def write(
        self, index: StoreIndex, bounds: Bounds, documents: Sequence[tuple[bytes, PackedDocument]]
    ) -> None:
        """Write documents, then enter them; one that is larger than a segment is left out, which `left_out` tells.

        Raises:
            sqlite3.Error: The index cannot be changed.
            OSError: The disk is full, or failed.
        """
        written: list[tuple[bytes, Place]] = []
        segment = self._segment
        for key, document in documents:
            size = document.data.nbytes
            if size > bounds.capacity:
                self.left_out = max(self.left_out, size)
                continue
            place = None if segment is None else segment.write(document.data)
            while place is None:
                if segment is not None:
                    self._enter(index, segment, written)
                    written = []
                    self.leave()
                segment = self._next(index, bounds, size)
                place = segment.write(document.data)
            assert segment is not None
            head = (size, document.tokens, int(document.truncated))
            written.append((key, Place(segment.number, place, *head, sum_of(key, *head, document.data))))
        if segment is not None:
            self._enter(index, segment, written)

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove segments that are entered no more."""
        if self._segment is not None and self._segment.number in numbers:
            self.leave()
        self._located.forget(numbers)
        for number in numbers:
            remove(self._folder, number)

    def move_out(self, index: StoreIndex, bounds: Bounds, number: int) -> None:
        """Write what a half empty segment holds elsewhere, unless somebody writes to it.

        Raises:
            sqlite3.Error: The index cannot be changed.
            OSError: The disk is full, or failed.
        """
        if self._segment is not None and self._segment.number == number:
            return
        places, capacity = index.places_of(number), index.capacity_of(number)
        if sum(place.size for place in places.values()) > capacity // 2:
            return
        try:
            held = SegmentWriter(self._folder, number, capacity, end=capacity)
        except OSError:  # another process writes to it
            return
        try:
            for key, place in places.items():
                self._located.locate(key, place)
            found = zip(places, self._located.take(list(places)), strict=True)
            self.write(index, bounds, [(key, document) for key, document in found if document is not None])
            with index.writing():
                index.drop(number)
        finally:
            held.close()
        self.remove([number])

    def leave(self) -> None:
        """Leave the segment to others."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _enter(
        self, index: StoreIndex, segment: SegmentWriter, written: Sequence[tuple[bytes, Place]]
    ) -> None:
        if written and not index.enter(segment.number, written):
            self.leave()  # it had to make room for another process

    def _next(self, index: StoreIndex, bounds: Bounds, size: int) -> SegmentWriter:
        """Go on with a segment that nobody writes to and that has room for a document of `size` bytes, or begin one."""
        for number in reversed(index.segments()):
            end, capacity = index.end_of(number), index.capacity_of(number)
            if end < capacity // 2:
                try:
                    found = SegmentWriter(self._folder, number, capacity, end)
                except OSError:  # another process writes to it
                    continue
                if found.end < capacity // 2 and found.has_room(size):
                    self._segment = found
                    return found
                found.close()  # full of what is entered no more, or a small one of a store that was smaller
        number, dropped = index.begin_segment(bounds.capacity, bounds.most)
        self.makes_room = self.makes_room or bool(dropped)
        self.remove(dropped)
        self._segment = SegmentWriter(self._folder, number, bounds.capacity)
        return self._segment
