"""Rows of a table as queries with candidates, and the rank and score of each candidate back at its row.

A row is a candidate, and the rows of a query stand together; or a row is a query with a list of candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any, Literal

from localrank.calling.many import rerank_many_sync
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.contract.types import RerankResult, shortened
from localrank.providers.unscored import is_scored

__all__ = ["Asked", "Columns", "Layout", "RankedRows", "Reject", "keys_of", "rank_rows", "sizes_of"]

Layout = Literal["candidates", "queries"]
"""What a row is: one candidate, or one query with a list of them."""

_DOCUMENTS_AT_ONCE = 2_000
"""Texts that are handed to the model together: enough to keep every core at work, few enough to hold."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of columns.

    Attributes:
        query: The query's text.
        text: The candidate's text, or the list of the candidates' texts.
        group: What the rows of one query share, where a row is a candidate; None takes the query itself.
        rank: Added: the rank from 1, or a list of them that runs along the candidates.
        score: Added: the score, or a list of them; null where the model left a candidate unscored.
    """

    query: str = "query"
    text: str = "text"
    group: str | None = None
    rank: str = "rank"
    score: str = "score"

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that there have to be."""
        return tuple(dict.fromkeys(name for name in (self.query, self.text, self.group) if name is not None))

    def check(self, there: Sequence[str], source: str) -> None:
        """Refuse a table without the columns to read, or with one of those to add.

        Raises:
            InvalidRequestError: Names the column, and what columns there are.
        """
        listed = ", ".join(map(repr, islice(there, 12)))
        for name in self.read:
            if name not in there:
                raise InvalidRequestError(
                    f"{source} has no column {name!r}; it has {listed or 'none'}.", hint="Name the columns."
                )
        for name in (self.rank, self.score):
            if name in there:
                raise InvalidRequestError(
                    f"{source} has a column {name!r} already.", hint="Name the added columns otherwise."
                )
        if self.rank == self.score:
            raise InvalidRequestError(
                f"Rank and score are both to be {self.rank!r}.", hint="Name them apart."
            )


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


@dataclass(slots=True)
class RankedRows:
    """What was found for some rows.

    Attributes:
        ranks: For each row a rank, or a list of ranks; None where there is none.
        scores: The same for scores.
        rejects: Rows that were not ranked.
        written: Rows that go on.
        documents: Candidates that were ranked.
        tokens: Tokens that the model read, as far as it says.
        dollars: What remote calls cost, as far as the price is known.
    """

    ranks: list[Any]
    scores: list[Any]
    rejects: list[Reject] = field(default_factory=list)
    written: int = 0
    documents: int = 0
    tokens: int = 0
    dollars: float = 0.0

    def kept(self, layout: Layout) -> list[int]:
        """Return the places of the rows that go on: those not rejected, and of candidates those within `top_k`."""
        gone = {reject.row for reject in self.rejects}
        return [
            place
            for place, rank in enumerate(self.ranks)
            if place not in gone and (layout == "queries" or rank is not None)
        ]


@dataclass(frozen=True, slots=True)
class _List:
    """One query's candidates: their texts, and where each came from."""

    query: str
    places: Sequence[int]
    texts: Sequence[str]


def keys_of(queries: Sequence[Any], groups: Sequence[Any] | None, before: Any = None) -> list[Any]:
    """Return a key for each row that is a candidate; rows of one key stand together and are never parted.

    A row without a query has the key of the row before it, so that it parts nothing.

    Args:
        queries: The query of each row.
        groups: The value of the group's column.
        before: The key of the row before these.
    """
    keys: list[Any] = []
    for query, group in zip(queries, queries if groups is None else groups, strict=True):
        if _no_query(query) is None:
            before = query if groups is None else (_hashable(group), query)
        keys.append(before)
    return keys


def sizes_of(texts: Sequence[Any], layout: Layout) -> list[int]:
    """Return how many candidates each row has."""
    if layout == "candidates":
        return [1] * len(texts)
    return [len(text) if isinstance(text, list) else 0 for text in texts]


def rank_rows(
    asked: Asked,
    layout: Layout,
    queries: Sequence[Any],
    texts: Sequence[Any],
    *,
    keys: Sequence[Any],
    on_documents: Callable[[int], None] = lambda _: None,
) -> RankedRows:
    """Rank rows that hold whole queries.

    Args:
        asked: Model and options.
        layout: What a row is.
        queries: The query of each row.
        texts: The text of each row, or the list of texts.
        keys: See `keys_of`; not looked at where a row is a query.
        on_documents: Called with the number of candidates that were just ranked.

    Returns:
        Ranks, scores and rejects; the rows of rejects are numbered from 0 here.

    Raises:
        InvalidRequestError: Rows of one query stand apart.
        RerankError: Whatever the model raised.
    """
    answer = RankedRows([None] * len(queries), [None] * len(queries))
    if layout == "queries":
        lists = list(_lists_of_queries(queries, texts, answer))
    else:
        lists = list(_lists_of_candidates(queries, texts, keys, answer))
    for some in _handfuls(lists):
        pairs = [(one.query, one.texts) for one in some]
        results = rerank_many_sync(
            asked.model,
            pairs,
            asked.top_k,
            max_parallel=asked.max_parallel,
            instruction=asked.instruction,
            max_retries=asked.max_retries,
        )
        for one, result in zip(some, results, strict=True):
            _put(answer, one, result, layout)
            answer.tokens += result.usage.input_tokens or 0
            answer.dollars += result.usage.estimated_cost or 0.0
        documents = sum(len(one.texts) for one in some)
        answer.documents += documents
        on_documents(documents)
    return answer


def _lists_of_queries(queries: Sequence[Any], texts: Sequence[Any], answer: RankedRows) -> Iterator[_List]:
    for place, (query, candidates) in enumerate(zip(queries, texts, strict=True)):
        reason = _no_query(query) or _no_list(candidates)
        if reason is not None:
            answer.rejects.append(Reject(place, reason))
            continue
        answer.ranks[place], answer.scores[place] = [None] * len(candidates), [None] * len(candidates)
        if candidates:
            yield _List(query, (place,), candidates)


def _lists_of_candidates(
    queries: Sequence[Any], texts: Sequence[Any], keys: Sequence[Any], answer: RankedRows
) -> Iterator[_List]:
    seen: set[Any] = set()
    for key, rows in groupby(range(len(queries)), key=keys.__getitem__):
        places: list[int] = []
        for row in rows:
            reason = _no_query(queries[row]) or _no_text(texts[row], "the text")
            if reason is None:
                places.append(row)
            else:
                answer.rejects.append(Reject(row, reason))
        if key in seen:
            raise InvalidRequestError(
                f"Rows of one query stand apart: {shortened(repr(key))} comes a second time.",
                hint="Sort the table by query, or name the column that tells queries apart.",
            )
        seen.add(key)
        if places:
            yield _List(queries[places[0]], places, [texts[row] for row in places])


def _hashable(key: Any) -> Any:
    try:
        hash(key)
    except TypeError:
        return repr(key)
    return key


def _no_query(value: Any) -> str | None:
    if isinstance(value, str) and not value.strip():
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


def _put(answer: RankedRows, one: _List, result: RerankResult[str], layout: Layout) -> None:
    for hit in result:
        score = hit.score if is_scored(hit) else None
        if layout == "queries":
            answer.ranks[one.places[0]][hit.index] = hit.rank
            answer.scores[one.places[0]][hit.index] = score
        else:
            answer.ranks[one.places[hit.index]] = hit.rank
            answer.scores[one.places[hit.index]] = score
