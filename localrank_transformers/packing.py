"""Documents end to end in one run: what such a graph is fed with, and whose numbers are whose.

A packed graph computes every token by itself but for attention, which it computes document by document. So nothing is padded,
nothing is masked, and no document changes the bits of another's numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from localrank_transformers.tokenization import Ids, Row

__all__ = ["IDS", "LENGTHS", "PACKED_DOCUMENTS", "POSITIONS", "TYPES", "packed_feed", "parts"]

IDS, TYPES, POSITIONS, LENGTHS = "input_ids", "token_type_ids", "position_ids", "lengths"
"""The inputs of a packed graph, each int64 and of one dimension: a number a token, and the last one a document."""

PACKED_DOCUMENTS = 4
"""Documents of a shared run. A graph has a branch for one document and one for exactly so many; a fifth costs more at the load
than it saves, since four short ones already keep a core busy."""


def packed_feed(rows: Sequence[Row], *, with_types: bool) -> dict[str, Ids]:
    """Return the inputs for one document, or for two to four, which are made up to four with single tokens.

    Args:
        rows: The documents.
        with_types: Whether the graph reads segment ids.
    """
    missing = PACKED_DOCUMENTS - len(rows) if len(rows) > 1 else 0
    lengths = [*(len(row.ids) for row in rows), *[1] * missing]
    filling = np.repeat(rows[0].ids[:1], missing)  # a word that the vocabulary is sure to have
    feed = {
        IDS: np.concatenate([*(row.ids for row in rows), filling]),
        POSITIONS: np.concatenate([np.arange(length, dtype=np.int64) for length in lengths]),
        LENGTHS: np.array(lengths, dtype=np.int64),
    }
    if with_types:
        feed[TYPES] = np.concatenate([*(row.types for row in rows), np.repeat(rows[0].types[:1], missing)])
    return feed


def parts(output: npt.NDArray[np.float32], rows: Sequence[Row]) -> list[npt.NDArray[np.float32]]:
    """Return the vectors of each row's tokens out of those of all tokens of a packed run, shape (tokens, width) each."""
    ends = np.cumsum([len(row.ids) for row in rows])
    return np.split(output[: ends[-1]], ends[:-1])
