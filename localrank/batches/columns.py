"""The names of columns: those that are read, and those that are added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from localrank.contract.errors import InvalidDataError, InvalidRequestError

__all__ = ["Added", "Columns"]

Added = Literal["rank", "score", "logit", "truncated", "chunk"]
"""What may be said of a candidate."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of columns; of those that are added, the last three only where they are named.

    Where a row is a query with a list of candidates, each added column holds lists that run along the candidates.

    Attributes:
        query: The query's text.
        text: The candidate's text, or the list of the candidates' texts.
        group: What the rows of one query share besides its text, where a row is a candidate; None takes the text alone. For a
            TREC run, the query's id.
        rank: Added: the rank from 1 (int32).
        score: Added: the score (float64); null where the model left a candidate unscored.
        logit: Added: the model's number before it was made a score (float64); null where the model says none.
        truncated: Added: whether the model read only the beginning of the text (bool).
        chunk: Added: the text of the chunk that scored best (string), by a model that reads long texts in chunks.
        id: The candidate's id, or the list of the candidates' ids; read for a TREC run only.
    """

    query: str = "query"
    text: str = "text"
    group: str | None = None
    rank: str = "rank"
    score: str = "score"
    logit: str | None = None
    truncated: str | None = None
    chunk: str | None = None
    id: str | None = None

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that there have to be."""
        names = (self.query, self.text, self.group, self.id)
        return tuple(dict.fromkeys(name for name in names if name is not None))

    @property
    def added(self) -> tuple[tuple[Added, str], ...]:
        """What is added, with the name of its column, in their order."""
        named: dict[Added, str | None] = {
            "rank": self.rank,
            "score": self.score,
            "logit": self.logit,
            "truncated": self.truncated,
            "chunk": self.chunk,
        }
        return tuple((what, name) for what, name in named.items() if name is not None)

    @property
    def wanted(self) -> list[Added]:
        """What is added, in its order."""
        return [what for what, _ in self.added]

    def check(self, there: Sequence[str], source: str, reject_column: str | None = None) -> None:
        """Refuse a table without the columns to read, or with one of those to add.

        Args:
            there: The table's columns.
            source: What the table is called in messages.
            reject_column: One more that is added.

        Raises:
            InvalidRequestError: Names the column, and what columns there are.
        """
        listed = ", ".join(map(repr, islice(there, 12)))
        for name in self.read:
            if there.count(name) > 1:
                raise InvalidDataError(
                    f"{source} has {there.count(name)} columns {name!r}.", hint="Name them apart."
                )
            if name not in there:
                raise InvalidDataError(
                    f"{source} has no column {name!r}; it has {listed or 'none'}.",
                    hint="Name the columns: Columns(query=, text=).",
                )
        added = [*self.added, *([] if reject_column is None else [("the reason of a reject", reject_column)])]
        taken: dict[str, str] = {}
        for what, name in added:
            if name in there:
                raise InvalidRequestError(
                    f"{source} has a column {name!r} already.", hint="Name the added columns otherwise."
                )
            if name in taken:
                raise InvalidRequestError(
                    f"{taken[name].capitalize()} and {what} are both to be {name!r}.", hint="Name them apart."
                )
            taken[name] = what
