"""A TREC run as output: the ids that it needs, and its lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from localrank.batches.rows import Layout, RankedRows
from localrank.providers.arguments import whole_number
from localrank.providers.trec import run_lines

__all__ = ["Named"]


@dataclass(frozen=True, slots=True)
class Named:
    """The ids of rows.

    Attributes:
        layout: What a row is.
        keys: A key for each row; rows of one list have the same.
        queries: The id of each row's query.
        documents: The id of each row's candidate, or the list of the candidates' ids.
        texts: The text of each row, or the list of texts.
    """

    layout: Layout
    keys: Sequence[Any]
    queries: Sequence[Any]
    documents: Sequence[Any]
    texts: Sequence[Any]

    def faults(self) -> dict[int, str]:
        """Return the rows that a run cannot hold, with the reason."""
        faults: dict[int, str] = {}
        for _, group in groupby(range(len(self.queries)), key=self.keys.__getitem__):
            seen: set[str] = set()
            for row in group:
                reason = _no_id(self.queries[row], "the query") or self._no_documents(row, seen)
                if reason is not None:
                    faults[row] = reason
        return faults

    def _no_documents(self, row: int, seen: set[str]) -> str | None:
        names, text = self.documents[row], self.texts[row]
        if self.layout == "candidates":
            return _no_id(names, "the candidate") or _known(str(names), seen)
        if not isinstance(text, list):
            return None  # a reject for a better reason
        if not isinstance(names, list) or len(names) != len(text):
            return "the candidates have no list of ids of the same length"
        reasons = (
            _no_id(name, f"candidate {place}") or _known(str(name), seen) for place, name in enumerate(names)
        )
        return next((reason for reason in reasons if reason is not None), None)

    def written(self, found: RankedRows, tag: str) -> bytes:
        """Return the lines of the run.

        Args:
            found: What was said of the rows.
            tag: The system's name, one word.
        """
        lines = (
            line
            for query, ranking in self._rankings(found)
            for line in run_lines(str(query), [(str(name), score or 0.0) for _, name, score in ranking], tag)
        )
        return "".join(lines).encode("utf-8", "surrogatepass")

    def _rankings(self, found: RankedRows) -> Iterator[tuple[Any, list[tuple[int, Any, float | None]]]]:
        ranks, scores = found.said["rank"], found.said["score"]
        if self.layout == "queries":
            for row in found.kept():
                named = zip(ranks[row], self.documents[row], scores[row], strict=True)
                yield self.queries[row], sorted(one for one in named if one[0] is not None)
            return
        for _, group in groupby(found.kept(), key=self.keys.__getitem__):
            rows = list(group)
            ranking = sorted((ranks[row], self.documents[row], scores[row]) for row in rows)
            yield self.queries[rows[0]], ranking


def _no_id(value: Any, whose: str) -> str | None:
    if whole_number(value) is not None:
        return None
    if not isinstance(value, str):
        what = "null" if value is None else f"of type {type(value).__name__}"
        return f"the id of {whose} is {what}"
    if not value or value.split() != [value]:
        return f"the id of {whose} is empty or holds white space, which a TREC run cannot hold"
    return None


def _known(name: str, seen: set[str]) -> str | None:
    if name in seen:
        return f"the candidate {name!r} is there twice for its query"
    seen.add(name)
    return None
