"""Where cached scores live: what a store can do, and what it keeps of a document's score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

__all__ = ["CachedScore", "ScoreStore"]


class CachedScore(NamedTuple):
    """What is kept of one document's score.

    Attributes:
        score: The score.
        truncated: Whether only the beginning of the document was read.
    """

    score: float
    truncated: bool = False


class ScoreStore(Protocol):
    """A bounded map from 16-byte keys to scores, safe from any thread.

    What its methods raise costs the call a warning: the model is asked instead. They should not wait for others longer than a
    tenth of a second, since a call waits with them.

    Attributes:
        blocking: Whether its methods may wait (for a disk, a network); they then run in a worker thread.
    """

    blocking: bool

    def get_many(self, keys: Sequence[bytes]) -> list[CachedScore | None]:
        """Return what is kept for each key, or None, in the order of `keys`; a score of NaN where an entry cannot be read."""
        ...

    def put_many(self, scores: Mapping[bytes, CachedScore]) -> None:
        """Keep `scores`, and drop the least recently used where there are too many."""
        ...

    def close(self) -> None:
        """Release what is held; a later use opens it again."""
        ...
