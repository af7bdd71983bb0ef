"""Rows of a table as queries with candidates, and what is said of each candidate back at its row.

A row is a candidate, and the rows of a query stand together; or a row is a query with a list of candidates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from localrank.batches.columns import Added
from localrank.batches.warned import Warned, add_warned
from localrank.calling.many import rerank_many_sync
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.contract.texts import is_blank
from localrank.contract.types import RankedDocument, RerankResult
from localrank.providers.unscored import is_scored

__all__ = [
    "Asked",
    "Layout",
    "RankedRows",
    "Reject",
    "Rows",
    "key_of",
    "keys_of",
    "lists_of",
    "numbered",
    "rank_rows",
    "sizes_of",
]

Layout = Literal["candidates", "queries"]
"""What a row is: one candidate, or one query with a list of them."""

_DOCUMENTS_AT_ONCE = 2_000
"""Texts that are handed to the model together: enough to keep every core at work, few enough to hold."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be ranked.

    Attributes:
        row: Its number, from 1.
        reason: Why, without its text.
    """

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What every list is ranked with.

    Attributes:
        model: The reranker.
        top_k: How many candidates of a query are kept; None keeps all.
        instruction: What "relevant" means.
        max_parallel: Lists at once; None for the default of `rerank_many`.
        max_retries: Repetitions of a remote call; None for the default.
    """

    model: AnyReranker
    top_k: int | None = None
    instruction: str | None = None
    max_parallel: int | None = None
    max_retries: int | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of whole queries.

    Attributes:
        layout: What a row is.
        queries: The query of each row.
        texts: The text of each row, or the list of texts.
        keys: See `keys_of`; not looked at where a row is a query.
        faults: Rows that cannot be ranked whatever their texts, with the reason.
    """

    layout: Layout
    queries: Sequence[Any]
    texts: Sequence[Any]
    keys: Sequence[Any]
    faults: Mapping[int, str] = field(default_factory=dict[int, str])


@dataclass(slots=True)
class RankedRows:
    """What was found for some rows.

    Attributes:
        layout: What a row is.
        said: For each thing that may be said of a candidate, a value for each row, or a list of them; None where there is none.
        rejects: Rows that were not ranked, numbered from 0.
        rows: Rows of these candidates.
        documents: Candidates that were ranked.
        tokens: Tokens that the model read, as far as it says.
        dollars: What remote calls cost, as far as the price is known.
        warnings: What the model warned of, by type.
    """

    layout: Layout
    said: Mapping[Added, list[Any]]
    rejects: list[Reject] = field(default_factory=list)
    rows: int = 0
    documents: int = 0
    tokens: int = 0
    dollars: float = 0.0
    warnings: dict[str, Warned] = field(default_factory=dict[str, Warned])

    def kept(self, *, rejects: bool = False) -> list[int]:
        """Return the places of the rows that go on: those not rejected, and of candidates those within `top_k`.

        Args:
            rejects: Whether rejected rows go on too.
        """
        gone = {reject.row for reject in self.rejects}
        return [
            place
            for place, rank in enumerate(self.said["rank"])
            if (rejects if place in gone else self.layout == "queries" or rank is not None)
        ]

    def refuse_unsaid(self, model: AnyReranker) -> None:
        """Refuse a model that was asked for something and says it of no candidate that it scored.

        Raises:
            InvalidRequestError: Names what it does not say.
        """
        scores = self._flat("score")
        if all(score is None for score in scores):
            return
        for what in self.said:
            if what not in {"rank", "score", "truncated"} and all(one is None for one in self._flat(what)):
                ways = {
                    "chunk": "Ask a model that reads texts in chunks, such as 'chunked:(localrank-mini)'."
                }
                raise InvalidRequestError(
                    f"A column for the {what} is asked for, and {model.provider}:{model.model_id} gave none to the first "
                    f"{len(scores):,} candidates.",
                    hint=ways.get(what, "Leave the column out, or ask a model that says it."),
                )

    def _flat(self, what: Added) -> list[Any]:
        if self.layout == "candidates":
            return self.said[what]
        return [one for values in self.said[what] for one in values or ()]


def numbered(found: RankedRows, start: int) -> list[Reject]:
    """Return the rejects in their order, numbered from 1 in the whole input, of which `start` rows come before."""
    return [
        Reject(start + reject.row + 1, reject.reason)
        for reject in sorted(found.rejects, key=lambda reject: reject.row)
    ]


def keys_of(queries: Sequence[Any], groups: Sequence[Any] | None, before: Any = None) -> list[Any]:
    """Return a key for each row that is a candidate; rows of one key stand together and are never parted.

    A row without a query has the key of the row before it, so that it parts nothing.

    Args:
        queries: The query of each row.
        groups: The value of the group's column.
        before: The key of the row before these.
    """
    keys: list[Any] = []
    for place, query in enumerate(queries):
        before = key_of(query, None if groups is None else (groups[place],), before)
        keys.append(before)
    return keys


def key_of(query: Any, group: tuple[Any] | None, before: Any) -> Any:
    """Return the key of one row: see `keys_of`.

    Args:
        query: Its query.
        group: The value of the group's column, where there is one.
        before: The key of the row before it.
    """
    if _no_query(query) is not None:
        return before
    return query if group is None else (_hashable(group[0]), query)


def sizes_of(texts: Sequence[Any], layout: Layout) -> list[int]:
    """Return how many candidates each row has."""
    if layout == "candidates":
        return [1] * len(texts)
    return [len(text) if isinstance(text, list) else 0 for text in texts]


def rank_rows(
    asked: Asked,
    rows: Rows,
    *,
    wanted: Sequence[Added] = ("rank", "score"),
    on_ranked: Callable[[RankedRows], None] = lambda _: None,
) -> RankedRows:
    """Rank rows that hold whole queries.

    Args:
        asked: Model and options.
        rows: The rows.
        wanted: What is to be said of each candidate.
        on_ranked: Called with what is known so far, after every few lists.

    Raises:
        RerankError: Whatever the model raised.
    """
    answer = RankedRows(rows.layout, {what: [None] * len(rows.queries) for what in ("rank", *wanted)})
    of_layout = _lists_of_queries if rows.layout == "queries" else _lists_of_candidates
    lists = list(of_layout(rows, answer))
    for some in _handfuls(lists):
        results = rerank_many_sync(
            asked.model,
            [(one.query, one.texts) for one in some],
            asked.top_k,
            max_parallel=asked.max_parallel,
            instruction=asked.instruction,
            max_retries=asked.max_retries,
        )
        for one, result in zip(some, results, strict=True):
            _put(answer, one, result)
            answer.tokens += result.usage.input_tokens or 0
            answer.dollars += result.usage.estimated_cost or 0.0
            for warning in {warning.type: warning for warning in reversed(result.warnings)}.values():
                add_warned(answer.warnings, warning.type, Warned(1, warning.message))
        answer.documents += sum(len(one.texts) for one in some)
        answer.rows += sum(len(one.places) for one in some)
        on_ranked(answer)
    return answer


def lists_of(
    layout: Layout, queries: Sequence[Any], texts: Sequence[Any], keys: Sequence[Any]
) -> Iterator[tuple[Any, Sequence[Any]]]:
    """Yield the query and the candidates of each list, whatever they hold."""
    if layout == "queries":
        yield from zip(queries, (text if isinstance(text, list) else [] for text in texts), strict=True)
        return
    for _, group in groupby(range(len(queries)), key=keys.__getitem__):
        rows = [row for row in group if _no_query(queries[row]) is None]
        if rows:
            yield queries[rows[0]], [texts[row] for row in rows]


@dataclass(frozen=True, slots=True)
class _List:
    """One query's candidates: their texts, and where each came from."""

    query: str
    places: Sequence[int]
    texts: Sequence[str]


def _lists_of_queries(rows: Rows, answer: RankedRows) -> Iterator[_List]:
    for place, (query, candidates) in enumerate(zip(rows.queries, rows.texts, strict=True)):
        reason = rows.faults.get(place) or _no_query(query) or _no_list(candidates)
        if reason is not None:
            answer.rejects.append(Reject(place, reason))
            continue
        for values in answer.said.values():
            values[place] = [None] * len(candidates)
        if candidates:
            yield _List(query, (place,), candidates)


def _lists_of_candidates(rows: Rows, answer: RankedRows) -> Iterator[_List]:
    for _, group in groupby(range(len(rows.queries)), key=rows.keys.__getitem__):
        places: list[int] = []
        for row in group:
            reason = (
                rows.faults.get(row) or _no_query(rows.queries[row]) or _no_text(rows.texts[row], "the text")
            )
            if reason is None:
                places.append(row)
            else:
                answer.rejects.append(Reject(row, reason))
        if places:
            yield _List(rows.queries[places[0]], places, [rows.texts[row] for row in places])


def _hashable(key: Any) -> Any:
    try:
        hash(key)
    except TypeError:
        return repr(key)
    return key


def _no_query(value: Any) -> str | None:
    if isinstance(value, str) and is_blank(value):
        return "the query is blank"
    return _no_text(value, "the query")


def _no_text(value: Any, name: str) -> str | None:
    if isinstance(value, str):
        return None
    return f"{name} is null" if value is None else f"{name} is of type {type(value).__name__}"


def _no_list(value: Any) -> str | None:
    if not isinstance(value, list):
        return (
            "the candidates are null"
            if value is None
            else f"the candidates are of type {type(value).__name__}"
        )
    return next(
        (no for place, text in enumerate(value) if (no := _no_text(text, f"candidate {place}"))), None
    )


def _handfuls(lists: Sequence[_List]) -> Iterator[Sequence[_List]]:
    start, documents = 0, 0
    for place, one in enumerate(lists):
        documents += len(one.texts)
        if documents >= _DOCUMENTS_AT_ONCE:
            yield lists[start : place + 1]
            start, documents = place + 1, 0
    if start < len(lists):
        yield lists[start:]


def _put(answer: RankedRows, one: _List, result: RerankResult[str]) -> None:
    for what, values in answer.said.items():
        value_of = _SAID[what]
        for hit in result:
            if answer.layout == "queries":
                values[one.places[0]][hit.index] = value_of(hit)
            else:
                values[one.places[hit.index]] = value_of(hit)


def _logit(hit: RankedDocument[str]) -> float | None:
    value = hit.metadata.get("logit")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def _chunk(hit: RankedDocument[str]) -> str | None:
    value = hit.metadata.get("chunk")
    return value if isinstance(value, str) else None


_SAID: Mapping[Added, Callable[[RankedDocument[str]], Any]] = {
    "rank": lambda hit: hit.rank,
    "score": lambda hit: hit.score if is_scored(hit) else None,
    "logit": _logit,
    "truncated": lambda hit: hit.truncated if is_scored(hit) else None,
    "chunk": _chunk,
}
