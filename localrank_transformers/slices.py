"""A request's documents in slices that are tokenized together: each different text once, with the places where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["SLICE", "distinct_slices"]

SLICE = 1024
"""Documents tokenized and planned together; what is held in memory is one slice, whatever the number of documents."""


def distinct_slices(
    documents: Sequence[str], indexes: Iterable[int], size: int
) -> Iterator[dict[str, list[int]]]:
    """Yield slices of at most `size` different texts among `documents` at `indexes`, each with its places, in order."""
    places: dict[str, list[int]] = {}
    for index in indexes:
        places.setdefault(documents[index], []).append(index)
    texts = list(places)
    for start in range(0, len(texts), size):
        yield {text: places[text] for text in texts[start : start + size]}
