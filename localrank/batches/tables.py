"""Arrow tables: record batches in, the same rows with rank and score out, for files and for whatever engine speaks Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from localrank.batches.cutting import cut_after
from localrank.batches.rows import Asked, Columns, Layout, RankedRows, Reject, keys_of, rank_rows, sizes_of
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.providers.extras import imported
from localrank.providers.registry import resolve

__all__ = ["arrow", "layout_of", "parts_of", "rank_table", "rerank_batches"]

_PURPOSE = "A batch job over tables"


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
    documents_at_once: int = 20_000,
    on_reject: Callable[[Reject], None] | None = None,
) -> Iterator[Any]:
    """Rank the candidates in Arrow record batches, and yield their rows with rank and score, in their order.

    A row is a candidate where the text's column holds strings, and the rows of a query have to stand together; it is a query
    where the column holds lists of strings. The batches that come out are cut otherwise than those that went in.

    Args:
        batches: `pyarrow.RecordBatch` or `pyarrow.Table` objects of one schema.
        model: A reranker or a name.
        columns: The names of columns.
        top_k: How many candidates of a query are kept: other rows are left out, other list items have null. None keeps all.
        instruction: What "relevant" means, for models that read it.
        max_parallel: Queries at once; None means 8.
        documents_at_once: Candidates after which a batch is ranked and yielded; it bounds memory.
        on_reject: Called with each row that cannot be ranked, which is then left out. Without it, such a row is an error.

    Yields:
        `pyarrow.RecordBatch` objects.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        InvalidRequestError: A column missing, of another type, or there already; a row that cannot be ranked; rows of one query
            that stand apart.
        RerankError: Whatever the model raised.
    """
    names, asked = columns or Columns(), Asked(resolve(model), top_k, instruction, max_parallel)
    for table, start in parts_of(batches, names, documents_at_once):
        layout = layout_of(table.schema, names, "The table")
        ranked_table, found = rank_table(table, layout, names, asked, start=start)
        for reject in found.rejects:
            if on_reject is None:
                raise InvalidRequestError(
                    f"Row {reject.row} cannot be ranked: {reject.reason}.",
                    hint="Mend it, or pass on_reject= to leave such rows out.",
                )
            on_reject(reject)
        yield from ranked_table.combine_chunks().to_batches()


def layout_of(schema: Any, columns: Columns, source: str) -> Layout:
    """Return what a row is, by the type of the text's column.

    Raises:
        InvalidRequestError: A column is missing, there already, or of a type that holds no text.
    """
    pa = arrow()
    columns.check(schema.names, source)
    _refuse_no_text(schema.field(columns.query).type, columns.query, source)
    kind = schema.field(columns.text).type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        _refuse_no_text(kind.value_type, columns.text, source)
        return "queries"
    _refuse_no_text(kind, columns.text, source)
    return "candidates"


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
    batches: Iterable[Any], columns: Columns, most: int, start: int = 0
) -> Iterator[tuple[Any, int]]:
    """Yield tables of whole queries with the number of their first rows; all but the last have at least `most` candidates.

    Raises:
        InvalidRequestError: The columns do not fit.
    """
    pa = arrow()
    pending: Any = None
    keys: list[Any] = []
    sizes: list[int] = []
    for batch in batches:
        table = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
        layout = layout_of(table.schema, columns, "The table")
        keys += _keys(table, columns, layout, start + len(keys), keys[-1] if keys else None)
        sizes += _sizes(table, columns, layout)
        pending = table if pending is None else pa.concat_tables([pending, table])
        while (count := cut_after(keys, sizes, most)) is not None:
            yield pending.slice(0, count), start
            pending, keys, sizes, start = pending.slice(count), keys[count:], sizes[count:], start + count
    if pending is not None and pending.num_rows:
        yield pending, start


def _keys(table: Any, columns: Columns, layout: Layout, start: int, before: Any = None) -> list[Any]:
    if layout == "queries":
        return list(range(start, start + table.num_rows))
    groups = None if columns.group is None else table.column(columns.group).to_pylist()
    return keys_of(table.column(columns.query).to_pylist(), groups, before)


def _sizes(table: Any, columns: Columns, layout: Layout) -> list[int]:
    if layout == "candidates":
        return sizes_of(range(table.num_rows), layout)
    lengths = imported("pyarrow.compute", _PURPOSE, "parquet").list_value_length(table.column(columns.text))
    return [length or 0 for length in lengths.to_pylist()]


def rank_table(
    table: Any,
    layout: Layout,
    columns: Columns,
    asked: Asked,
    *,
    start: int = 0,
    on_documents: Callable[[int], None] = lambda _: None,
) -> tuple[Any, RankedRows]:
    """Return the rows of `table` that go on, with rank and score, and what was found.

    Args:
        table: Whole queries.
        layout: What a row is.
        columns: The names of columns.
        asked: Model and options.
        start: Rows before this table, for the numbers of rejects.
        on_documents: Called with the number of candidates that were just ranked.
    """
    pa = arrow()
    queries = table.column(columns.query).to_pylist()
    texts = table.column(columns.text).to_pylist()
    keys = _keys(table, columns, layout, start)
    found = rank_rows(asked, layout, queries, texts, keys=keys, on_documents=on_documents)
    kept = found.kept(layout)
    ranks, scores = pa.int32(), pa.float64()
    if layout == "queries":
        ranks, scores = pa.list_(ranks), pa.list_(scores)
    going_on = table if len(kept) == table.num_rows else table.take(pa.array(kept, pa.int64()))
    going_on = going_on.append_column(columns.rank, pa.array([found.ranks[place] for place in kept], ranks))
    going_on = going_on.append_column(
        columns.score, pa.array([found.scores[place] for place in kept], scores)
    )
    found.written = len(kept)
    found.rejects = [Reject(start + reject.row + 1, reject.reason) for reject in found.rejects]
    return going_on, found
