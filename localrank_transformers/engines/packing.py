"""Documents end to end in one run: what such a graph is fed with, and whose numbers are whose.

A packed graph computes every token by itself but for attention, which it computes document by document. So nothing is padded,
nothing is masked, and no document changes the bits of another's numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from localrank_transformers.call.planner import PACKED_DOCUMENTS

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Ids, Row

__all__ = [
    "IDS",
    "LENGTHS",
    "POSITIONS",
    "TYPES",
    "end_to_end",
    "ids_end_to_end",
    "packed_feed",
    "parts",
    "token_counts",
]

IDS, TYPES, POSITIONS, LENGTHS = "input_ids", "token_type_ids", "position_ids", "lengths"
"""The inputs of a packed graph, each int64 and of one dimension: a number a token, and the last one a document."""


def packed_feed(rows: Sequence[Row], *, with_types: bool) -> dict[str, Ids]:
    """Return the inputs for one document, or for two to four, which are made up to four with single tokens.

    Args:
        rows: The documents; see `token_counts` for one without tokens.
        with_types: Whether the graph reads segment ids.
    """
    missing = PACKED_DOCUMENTS - len(rows) if len(rows) > 1 else 0
    lengths = [*token_counts(rows), *[1] * missing]
    feed = {
        IDS: end_to_end([row.ids for row in rows], lengths),
        POSITIONS: np.concatenate([np.arange(length, dtype=np.int64) for length in lengths]),
        LENGTHS: np.array(lengths, dtype=np.int64),
    }
    if with_types:
        feed[TYPES] = end_to_end([row.types for row in rows], lengths)
    return feed


def parts(output: npt.NDArray[np.float32], rows: Sequence[Row]) -> list[npt.NDArray[np.float32]]:
    """Return the vectors of each row's tokens out of those of all tokens of a packed run, shape (tokens, width) each."""
    starts = accumulate(token_counts(rows), initial=0)
    return [output[start : start + len(row.ids)] for start, row in zip(starts, rows, strict=False)]


def token_counts(rows: Sequence[Row]) -> list[int]:
    """Return how many tokens of each row are read: one at least, since attention wants one."""
    return [max(1, len(row.ids)) for row in rows]


def ids_end_to_end(rows: Sequence[Row]) -> tuple[Ids, list[int]]:
    """Return the ids of all rows, and how many of each are read; see `token_counts`."""
    lengths = token_counts(rows)
    return end_to_end([row.ids for row in rows], lengths), lengths


def end_to_end(values: Sequence[Ids], lengths: Sequence[int]) -> Ids:
    """Return the numbers of all rows, with 0, which every vocabulary has, where a row has none."""
    filled = np.zeros(sum(lengths), dtype=np.int64)
    for start, own in zip(accumulate(lengths, initial=0), values, strict=False):
        filled[start : start + len(own)] = own
    return filled
