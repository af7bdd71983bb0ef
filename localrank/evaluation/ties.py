"""Documents with equal scores, in an order that is drawn by lot.

A ranking keeps equal scores in the order in which the documents came. A measure of it would credit a model that gives all
documents one score with the whole quality of the first stage.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from itertools import groupby
from typing import TypeVar

__all__ = ["shuffled_ties"]

Item = TypeVar("Item")


def shuffled_ties(
    query: str, ranked: Iterable[Item], *, name: Callable[[Item], str], level: Callable[[Item], Hashable]
) -> list[Item]:
    """Return what is ranked, best first, with each run of neighbours of one `level` in an order drawn by lot.

    The lot is a digest of query and document: the same in every run and on every machine, without regard to the place in
    which a document came, and the same for all systems, so that no difference between two of them comes of the draw.

    Args:
        query: The query's id.
        ranked: Documents, best first.
        name: The document's id.
        level: What equal documents share, such as the score.
    """
    return [
        item
        for _, tied in groupby(ranked, key=level)
        for item in sorted(tied, key=lambda item: _lot(query, name(item)))
    ]


def _lot(query: str, document: str) -> bytes:
    return hashlib.sha256(f"{len(query)}:{query}{document}".encode("utf-8", "surrogatepass")).digest()
