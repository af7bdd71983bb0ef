"""`rerank_batches`: Arrow record batches in, the same rows ranked out, however they are cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localrank import InvalidRequestError
from localrank.batches import Columns, Reject, rerank_batches
from localrank.testing import LexicalReranker
from tests.batches.conftest import some_lists, some_rows

pa = pytest.importorskip("pyarrow")


def rows_of(batches: Iterator[Any]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize("size", [1, 3, 5, 7, 60, 1_000])
@pytest.mark.parametrize("at_once", [1, 12, 20_000])
def test_a_query_is_ranked_whole_wherever_batches_end(size: int, at_once: int) -> None:
    table = pa.Table.from_pylist(some_rows())
    whole = rows_of(rerank_batches([table], LexicalReranker()))
    parted = rows_of(
        rerank_batches(table.to_batches(max_chunksize=size), LexicalReranker(), documents_at_once=at_once)
    )

    assert parted == whole
    assert sorted(row["rank"] for row in whole[:5]) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "kind", ["string", "large_string", "dictionary", "string_view"], ids=lambda kind: str(kind)
)
def test_every_kind_of_string_is_text(kind: str) -> None:
    types = {
        "string": pa.string(),
        "large_string": pa.large_string(),
        "dictionary": pa.dictionary(pa.int32(), pa.string()),
        "string_view": pa.string_view(),
    }
    texts = pa.array([row["text"] for row in some_rows(1)]).cast(types[kind])
    table = pa.table({"query": ["query 0"] * 5, "text": texts})

    assert [row["rank"] for row in rows_of(rerank_batches([table], LexicalReranker()))] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("kind", [pa.list_, pa.large_list])
def test_every_kind_of_list_is_candidates(kind: Any) -> None:
    rows = some_lists(1)
    texts = pa.array([row["text"] for row in rows], kind(pa.string()))
    table = pa.table({"query": [row["query"] for row in rows], "text": texts})

    assert sorted(rows_of(rerank_batches([table], LexicalReranker()))[0]["rank"]) == [1, 2, 3, 4, 5]


def test_other_columns_keep_their_types() -> None:
    table = pa.table({"query": ["q"], "text": ["t"], "when": pa.array([5], pa.timestamp("ms")), "x": [None]})
    batch = next(rerank_batches([table], LexicalReranker(), columns=Columns(rank="place")))

    assert batch.schema.field("when").type == pa.timestamp("ms")
    assert batch.schema.names == ["query", "text", "when", "x", "place", "score"]
    assert batch.schema.field("place").type == pa.int32()


def test_a_row_that_cannot_be_ranked_is_an_error_or_handed_over() -> None:
    table = pa.table({"query": ["q", None, "q"], "text": ["a", "b", None]})
    rejects: list[Reject] = []

    with pytest.raises(InvalidRequestError, match="Row 2 cannot be ranked: the query is null"):
        rows_of(rerank_batches([table], LexicalReranker()))
    assert len(rows_of(rerank_batches([table], LexicalReranker(), on_reject=rejects.append))) == 1
    assert rejects == [Reject(2, "the query is null"), Reject(3, "the text is null")]


def test_no_batches_give_none() -> None:
    assert rows_of(rerank_batches([], LexicalReranker())) == []
