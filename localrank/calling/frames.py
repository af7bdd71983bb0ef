"""`rerank_frame`: a table in, the same kind of table out, best row first. narwhals reads pandas, Polars and Arrow alike."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeVar

from localrank.calling.jobs import CallOptions
from localrank.calling.keywords import check_keywords
from localrank.calling.rerank import rerank
from localrank.calling.sync import run_blocking
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.contract.texts import shortened
from localrank.providers.annotations import check_types
from localrank.providers.extras import imported
from localrank.providers.unscored import is_scored

__all__ = ["rerank_frame", "rerank_frame_sync"]

T = TypeVar("T")

_SHOWN_COLUMNS = 12

_TAKEN = (*CallOptions.__annotations__, "abort_event", "top_k", "rank", "score")


async def rerank_frame(
    model: AnyReranker | str,
    query: str,
    table: T,
    text: str | Callable[[dict[str, Any]], str] = "text",
    top_k: int | None = None,
    *,
    first_stage_scores: str | None = None,
    rank: str = "rank",
    score: str = "score",
    **options: Any,
) -> T:
    """Rank the rows of a table.

    Args:
        model: A reranker or a name, as for `rerank`.
        query: The text to rank against.
        table: A pandas or Polars `DataFrame`, or an Arrow `Table`.
        text: The column with each row's text, or a function of the row as a mapping.
        top_k: How many rows to return; None means all.
        first_stage_scores: The column with the retriever's scores.
        rank: Name of the new column with the place, from 1.
        score: Name of the new column with the score.
        options: Everything else that `rerank` takes.

    Returns:
        A table of the same kind, best row first, with all its columns, and `rank` and `score` behind them. A pandas index goes
        along with its rows. A row that was not scored (a blank text, a deadline) stands last and its score is null. What the
        result would warn of is a Python warning, since a table has no place for it.

    Raises:
        InvalidRequestError: No table, two columns of one name in it or to be made, no such column, a column of that name
            already there, or a row without text.
        MissingDependencyError: narwhals is not installed.
        RerankError: Whatever `rerank` raises.
    """
    check_keywords("rerank_frame", options, _TAKEN)
    names = {"first_stage_scores": first_stage_scores, "rank": rank, "score": score}
    check_types(names, rerank_frame)
    nw = imported("narwhals", "rerank_frame", "frames")
    frame = _eager(nw, table)
    if rank == score:
        raise InvalidRequestError(f"Rank and score are both to be {rank!r}.", hint="Name them apart.")
    for name in (rank, score):
        if name in frame.columns:
            raise InvalidRequestError(
                f"The table has a column {name!r} already.", hint="Name another with rank= or score=."
            )
    documents = list(map(text, frame.iter_rows(named=True))) if callable(text) else _column(frame, text)
    scores = None if first_stage_scores is None else _column(frame, first_stage_scores)
    result = await rerank(model, query, documents, top_k, first_stage_scores=scores, **options)
    ranked = frame[[hit.index for hit in result]]
    places = nw.new_series(rank, [hit.rank for hit in result], nw.Int64, backend=ranked.implementation)
    scored = [hit.score if is_scored(hit) else None for hit in result]
    numbers = nw.new_series(score, scored, nw.Float64, backend=ranked.implementation)
    for warning in result.warnings:
        warnings.warn(warning.message, stacklevel=2)
    ranked_table: T = ranked.with_columns(places, numbers).to_native()
    return ranked_table


def rerank_frame_sync(
    model: AnyReranker | str,
    query: str,
    table: T,
    text: str | Callable[[dict[str, Any]], str] = "text",
    top_k: int | None = None,
    **options: Any,
) -> T:
    """Rank the rows of a table and wait for the answer: `rerank_frame` with the same arguments, results and errors."""
    return run_blocking(partial(rerank_frame, model, query, table, text, top_k, **options))


def _eager(narwhals: Any, table: Any) -> Any:
    try:
        return narwhals.from_native(table, eager_only=True)
    except narwhals.exceptions.DuplicateError:
        raise InvalidRequestError(
            "The table has two columns of one name.", hint="Rename one: table.columns = […]"
        ) from None
    except TypeError:
        lazy = callable(getattr(table, "collect", None))
        raise InvalidRequestError(
            f"table is of type {type(table).__name__}.",
            hint="Pass table.collect(): a lazy table has no rows yet."
            if lazy
            else "Pass a DataFrame of pandas or Polars or a Table of Arrow; a list of documents goes to rerank().",
        ) from None


def _column(frame: Any, name: str) -> list[Any]:
    if name in frame.columns:
        values: list[Any] = frame.get_column(name).to_list()
        return values
    columns = [str(column) for column in frame.columns]
    shown = ", ".join(map(repr, columns[:_SHOWN_COLUMNS])) + (" …" if len(columns) > _SHOWN_COLUMNS else "")
    near = get_close_matches(str(name), columns, n=1)
    raise InvalidRequestError(
        f"The table has no column {shortened(repr(name))}.",
        hint=f"Did you mean {near[0]!r}?"
        if near
        else f"It has {shown}."
        if columns
        else "It has no columns.",
    )
