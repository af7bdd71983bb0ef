"""Arrow tables: record batches in, the same rows with rank and score out, for files and for whatever engine speaks Arrow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from localrank.batches.columns import Added, Columns
from localrank.batches.cutting import cut_after
from localrank.batches.rows import (
    Asked,
    Layout,
    RankedRows,
    Reject,
    Rows,
    keys_of,
    numbered,
    rank_rows,
    sizes_of,
)
from localrank.batches.together import Together
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.providers.arguments import check_count, check_integer
from localrank.providers.extras import imported
from localrank.providers.registry import resolve

__all__ = [
    "arrow",
    "keys_in",
    "layout_of",
    "parts_of",
    "ranked_schema",
    "rerank_batches",
    "rows_in",
    "with_added",
]

_PURPOSE = "A batch job over tables"

logger = logging.getLogger("localrank")


def arrow() -> Any:
    """Return pyarrow.

    Raises:
        MissingDependencyError: It is not installed.
    """
    return imported("pyarrow", _PURPOSE, "parquet")


def rerank_batches(
    batches: Iterable[Any],
    model: AnyReranker | str,
    *,
    columns: Columns | None = None,
    top_k: int | None = None,
    instruction: str | None = None,
    max_parallel: int | None = None,
    max_retries: int | None = None,
    documents_at_once: int = 20_000,
    on_reject: Callable[[Reject], None] | None = None,
    reject_column: str | None = None,
) -> Iterator[Any]:
    """Rank the candidates in Arrow record batches, and yield their rows with rank and score, in their order.

    **In.** Batches of one schema with a column of queries (any type of string) and a column of texts. Where that holds strings,
    a row is a candidate, and the rows of a query stand together: one after the other, in one batch or over the bounds of
    several, but all in the batches of one call. An engine that calls once a batch has to give each call whole queries. Where
    the column holds lists of strings, a row is a query, and rows may be cut anywhere. All other columns pass through as they
    are.

    **Out.** The same rows in the same order, with the columns of `ranked_schema` and in its types; `RecordBatch` objects that
    are cut otherwise than those that went in, none of them empty. With `top_k`, rows of other candidates are left out, and
    other items of lists are null. A text without a word is no reject: it stands last, with a null score.

    **Bits.** Ranks and scores are those that `localrank batch` writes for the same rows and model, bit for bit, wherever
    batches end, for every model whose scores do not depend on the texts beside a text: those on compiled kernels, on ONNX
    Runtime, and on torch without padding.

    Nothing is read from `batches` before the first batch is asked for. Memory holds `documents_at_once` candidates and those of
    one query more.

    Args:
        batches: `pyarrow.RecordBatch` or `pyarrow.Table` objects, or a `pyarrow.RecordBatchReader`.
        model: A reranker or a name.
        columns: The names of columns.
        top_k: How many candidates of a query are kept, at least 1; None keeps all.
        instruction: What "relevant" means, for models that read it.
        max_parallel: Queries at once; None means 8.
        max_retries: Repetitions of a remote call; None means 2.
        documents_at_once: Candidates after which rows are ranked and yielded, at the end of a query.
        on_reject: Called with each row that cannot be ranked (no text, a text of another type, a blank query, a list with a
            hole), numbered from 1 over all batches. Such rows are then left out; without this and `reject_column`, they are an
            error.
        reject_column: Keep such rows, with their reason in a column of this name and nulls for rank and score; in all other
            rows it is null.

    Yields:
        `pyarrow.RecordBatch` objects.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        UnknownModelError: No such model.
        InvalidRequestError: A column missing, of another type, or there already; batches of two schemas; a row that cannot be
            ranked; rows of one query that stand apart, however far; a column asked for that the model says nothing for.
        RerankError: Whatever the model raised.
    """
    arrow()
    names = columns or Columns()
    asked = Asked(
        resolve(model),
        check_count("top_k", top_k),
        instruction,
        check_count("max_parallel", max_parallel),
        check_count("max_retries", max_retries, least=0),
    )
    most = check_integer("documents_at_once", check_count("documents_at_once", documents_at_once))
    return _ranked(batches, asked, names, most=most, on_reject=on_reject, reject_column=reject_column)


def _ranked(
    batches: Iterable[Any],
    asked: Asked,
    names: Columns,
    *,
    most: int,
    on_reject: Callable[[Reject], None] | None,
    reject_column: str | None,
) -> Iterator[Any]:
    together = Together("The table")
    is_first = True
    try:
        for table, start in parts_of(batches, names, most, together=together):
            layout = layout_of(table.schema, names, "The table", reject_column)
            found = rank_rows(asked, rows_in(table, names, layout), wanted=names.wanted)
            if is_first:
                found.refuse_unsaid(asked.model)
            is_first = False
            for kind, warned in found.warnings.items():
                logger.warning("%s on %d lists, on the first: %s", kind, warned.lists, warned.first)
            for reject in numbered(found, start):
                if on_reject is not None:
                    on_reject(reject)
                elif reject_column is None:
                    raise InvalidRequestError(
                        f"Row {reject.row} cannot be ranked: {reject.reason}.",
                        hint="Mend it; or pass on_reject= to leave such rows out, or reject_column= to keep them.",
                    )
            ranked = with_added(table, names, found, reject_column).combine_chunks()
            yield from (batch for batch in ranked.to_batches() if batch.num_rows)
    finally:
        together.close()


def ranked_schema(schema: Any, columns: Columns | None = None, *, reject_column: str | None = None) -> Any:
    """Return the schema of what `rerank_batches` yields for batches of `schema`, for engines that ask beforehand.

    Args:
        schema: A `pyarrow.Schema`.
        columns: The names of columns.
        reject_column: As for `rerank_batches`.

    Returns:
        A `pyarrow.Schema`: that of the input; then, of those that `columns` names, rank (int32), score (float64), logit
        (float64), truncated (bool) and chunk (string), or lists of these; then the reason of a reject (string).

    Raises:
        MissingDependencyError: pyarrow is not installed.
        InvalidRequestError: A column is missing, of another type, or there already.
    """
    names = columns or Columns()
    layout = layout_of(schema, names, "The table", reject_column)
    for field in _added_fields(layout, names, reject_column):
        schema = schema.append(field)
    return schema


def _added_fields(layout: Layout, columns: Columns, reject_column: str | None) -> list[Any]:
    pa = arrow()
    types: dict[Added, Any] = {
        "rank": pa.int32(),
        "score": pa.float64(),
        "logit": pa.float64(),
        "truncated": pa.bool_(),
        "chunk": pa.string(),
    }
    fields = [
        pa.field(name, pa.list_(types[what]) if layout == "queries" else types[what])
        for what, name in columns.added
    ]
    return fields if reject_column is None else [*fields, pa.field(reject_column, pa.string())]


def layout_of(schema: Any, columns: Columns, source: str, reject_column: str | None = None) -> Layout:
    """Return what a row is, by the type of the text's column.

    Raises:
        InvalidRequestError: A column is missing, there already, or of a type that holds no text.
    """
    columns.check(schema.names, source, reject_column)
    _refuse_no_text(schema.field(columns.query).type, columns.query, source)
    kind = schema.field(columns.text).type
    if _is_list(kind):
        _refuse_no_text(kind.value_type, columns.text, source)
        return "queries"
    _refuse_no_text(kind, columns.text, source)
    return "candidates"


def _is_list(kind: Any) -> bool:
    types = arrow().types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _refuse_no_text(kind: Any, name: str, source: str) -> None:
    types = arrow().types
    if types.is_dictionary(kind):
        kind = kind.value_type
    views = getattr(types, "is_string_view", lambda _: False)
    if not (types.is_string(kind) or types.is_large_string(kind) or views(kind) or types.is_null(kind)):
        raise InvalidRequestError(
            f"{source}: the column {name!r} is of type {kind}, which is no text.",
            hint="Name a column of strings.",
        )


def parts_of(
    batches: Iterable[Any], columns: Columns, most: int, start: int = 0, *, together: Together | None = None
) -> Iterator[tuple[Any, int]]:
    """Yield tables of whole queries with the number of their first rows; all but the last have at least `most` candidates.

    Args:
        batches: Record batches or tables.
        columns: The names of columns.
        most: Candidates after which a table ends.
        start: Rows before the first of these.
        together: Sees the keys of rows that are candidates.

    Raises:
        InvalidRequestError: The columns do not fit, or differ between batches.
    """
    pa = arrow()
    pending: Any = None
    schema: Any = None
    keys: list[Any] = []
    sizes: list[int] = []
    for number, batch in enumerate(_as_tables(batches)):
        schema = batch.schema if schema is None else schema
        if not batch.schema.equals(schema):
            raise InvalidRequestError(
                f"Batch {number + 1} has other columns than the first, or other types.",
                hint="Cast the batches to one schema.",
            )
        layout = layout_of(schema, columns, "The table")
        more = keys_in(batch, columns, layout, start + len(keys), keys[-1] if keys else None)
        if together is not None and layout == "candidates":
            together.see(more)
        keys += more
        sizes += _sizes(batch, columns, layout)
        pending = batch if pending is None else pa.concat_tables([pending, batch])
        while (count := cut_after(keys, sizes, most)) is not None:
            yield pending.slice(0, count), start
            pending, keys, sizes, start = pending.slice(count), keys[count:], sizes[count:], start + count
    if pending is not None and pending.num_rows:
        yield pending, start


def _as_tables(batches: Any) -> Iterator[Any]:
    pa = arrow()
    if isinstance(batches, (pa.Table, pa.RecordBatch)) or not isinstance(batches, Iterable):
        raise InvalidRequestError(
            f"batches is of type {type(batches).__name__}.",
            hint="Pass a list or a stream of record batches, such as table.to_batches().",
        )
    for batch in batches:
        if isinstance(batch, pa.Table):
            yield batch
        elif isinstance(batch, pa.RecordBatch):
            yield pa.Table.from_batches([batch])
        else:
            raise InvalidRequestError(
                f"A batch is of type {type(batch).__name__}.",
                hint="Pass pyarrow record batches or tables.",
            )


def keys_in(table: Any, columns: Columns, layout: Layout, start: int, before: Any = None) -> list[Any]:
    """Return a key for each row: see `keys_of`.

    Args:
        table: A `pyarrow.Table` or a record batch.
        columns: The names of columns.
        layout: What a row is.
        start: Rows before this table.
        before: The key of the row before it.
    """
    if layout == "queries":
        return list(range(start, start + table.num_rows))
    groups = None if columns.group is None else table.column(columns.group).to_pylist()
    return keys_of(table.column(columns.query).to_pylist(), groups, before)


def _sizes(table: Any, columns: Columns, layout: Layout) -> list[int]:
    if layout == "candidates":
        return sizes_of(range(table.num_rows), layout)
    lengths = imported("pyarrow.compute", _PURPOSE, "parquet").list_value_length(table.column(columns.text))
    return [length or 0 for length in lengths.to_pylist()]


def rows_in(table: Any, columns: Columns, layout: Layout, faults: Mapping[int, str] | None = None) -> Rows:
    """Return the rows of a table of whole queries.

    Args:
        table: A `pyarrow.Table`.
        columns: The names of columns.
        layout: What a row is.
        faults: Rows that are rejects whatever they hold, with the reason.
    """
    return Rows(
        layout,
        table.column(columns.query).to_pylist(),
        table.column(columns.text).to_pylist(),
        keys_in(table, columns, layout, 0),
        faults or {},
    )


def with_added(table: Any, columns: Columns, found: RankedRows, reject_column: str | None = None) -> Any:
    """Return the rows of a table that go on, with what is said of them.

    Args:
        table: What was ranked.
        columns: The names of columns.
        found: What was said of its rows.
        reject_column: Where rejected rows go on with their reason; None leaves them out.
    """
    pa = arrow()
    kept = found.kept(rejects=reject_column is not None)
    going_on = table if len(kept) == table.num_rows else table.take(pa.array(kept, pa.int64()))
    values: list[Sequence[Any]] = [found.said[what] for what, _ in columns.added]
    if reject_column is not None:
        reasons = {reject.row: reject.reason for reject in found.rejects}
        values.append([reasons.get(place) for place in range(table.num_rows)])
    for added, column in zip(_added_fields(found.layout, columns, reject_column), values, strict=True):
        going_on = going_on.append_column(added, pa.array([column[place] for place in kept], added.type))
    return going_on
