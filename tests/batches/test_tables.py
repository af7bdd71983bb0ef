"""`rerank_batches`: Arrow record batches in, the same rows ranked out, however they are cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localrank import Chunked, InvalidRequestError
from localrank.batches import BatchJob, Columns, Reject, ranked_schema, rerank_batches, run_batch
from localrank.testing import LexicalReranker
from tests.batches.conftest import WriteRows, some_lists, some_rows, written

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


def test_a_row_that_cannot_be_ranked_may_stay_with_its_reason() -> None:
    table = pa.table({"query": ["q", None, "q"], "text": ["a", "b", None]})
    rows = rows_of(rerank_batches([table], LexicalReranker(), reject_column="why"))

    assert [(row["rank"], row["why"]) for row in rows] == [
        (1, None),
        (None, "the query is null"),
        (None, "the text is null"),
    ]


def test_a_list_that_cannot_be_ranked_may_stay_with_its_reason() -> None:
    table = pa.table({"query": ["q", "q"], "text": [["a", None], ["a"]]})
    rows = rows_of(rerank_batches([table], LexicalReranker(), reject_column="why", top_k=1))

    assert [(row["rank"], row["why"]) for row in rows] == [(None, "candidate 1 is null"), ([1], None)]


@pytest.mark.parametrize("rows", [some_rows(3), some_lists(3)], ids=["candidates", "queries"])
def test_the_schema_is_known_beforehand(rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows)
    columns = Columns(rank="place", truncated="cut", chunk="chunk")
    expected = ranked_schema(table.schema, columns, reject_column="why")
    batches = [*rerank_batches([table], Chunked(LexicalReranker()), columns=columns, reject_column="why")]

    assert [batch.schema for batch in batches] == [expected] * len(batches)
    assert expected.names[-5:] == ["place", "score", "cut", "chunk", "why"]


def test_what_is_yielded_is_what_a_job_writes(write: WriteRows) -> None:
    rows = some_rows()
    table = pa.Table.from_pylist(rows)
    job = BatchJob(write("in.parquet", rows), write("in.parquet", rows).parent / "out", part_documents=12)
    run_batch(job, LexicalReranker())

    assert rows_of(rerank_batches(table.to_batches(max_chunksize=7), LexicalReranker())) == written(
        job.output
    )


@pytest.mark.parametrize("at_once", [1, 5, 20_000])
def test_a_query_that_comes_again_in_a_later_batch_is_refused(at_once: int) -> None:
    table = pa.Table.from_pylist([*some_rows(queries=40), *some_rows(queries=1)])

    with pytest.raises(InvalidRequestError, match="'query 0' comes again in row 201"):
        rows_of(rerank_batches(table.to_batches(7), LexicalReranker(), documents_at_once=at_once))


def test_no_batch_is_empty() -> None:
    table = pa.table({"query": pa.array([None, None], pa.string()), "text": ["a", "b"]})

    assert [*rerank_batches([table], LexicalReranker(), on_reject=lambda _: None)] == []


@pytest.mark.parametrize(
    ("batches", "named"),
    [
        (pa.table({"query": ["q"], "text": ["t"]}), "batches is of type Table"),
        ([{"query": "q", "text": "t"}], "A batch is of type dict"),
        (
            [pa.table({"query": ["q"], "text": ["t"]}), pa.table({"query": ["q"], "text": [["t"]]})],
            "Batch 2 has other columns than the first, or other types",
        ),
        ([pa.table([["q"], ["q"], ["t"]], names=["query", "query", "text"])], "has 2 columns 'query'"),
    ],
    ids=["table", "rows", "schemas", "twice"],
)
def test_what_are_no_batches_of_one_schema_is_refused(batches: Any, named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        rows_of(rerank_batches(batches, LexicalReranker()))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"top_k": 0}, "top_k is 0"),
        ({"documents_at_once": 0}, "documents_at_once is 0"),
        ({"max_retries": -1}, "-1"),
    ],
)
def test_arguments_are_checked_before_a_batch_is_asked_for(given: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        rerank_batches([], LexicalReranker(), **given)


def test_columns_on_request_hold_what_the_model_says() -> None:
    words = " ".join(f"w{number}" for number in range(300))
    table = pa.table({"query": ["w299", "w299"], "text": [words, "nothing of it"]})
    columns = Columns(truncated="cut", chunk="chunk")
    long, short = rows_of(
        rerank_batches([table], Chunked(LexicalReranker(), chunk_tokens=50), columns=columns)
    )

    assert long["chunk"].endswith("w298 w299")
    assert long["chunk"] in words
    assert (long["cut"], short["cut"], short["chunk"]) == (False, False, "nothing of it")


@pytest.mark.parametrize(("columns", "named"), [(Columns(logit="l"), "logit"), (Columns(chunk="c"), "chunk")])
def test_a_column_that_the_model_has_nothing_for_is_refused(columns: Columns, named: str) -> None:
    table = pa.Table.from_pylist(some_rows(1))

    with pytest.raises(InvalidRequestError, match=f"A column for the {named} is asked for, and lexical:"):
        rows_of(rerank_batches([table], LexicalReranker(), columns=columns))


def test_what_the_model_warns_of_goes_to_the_log_once_for_each_table(
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = pa.Table.from_pylist(some_rows())
    list(rerank_batches([table], LexicalReranker(), instruction="Be brief."))

    assert [record.getMessage() for record in caplog.records] == [
        "unsupported on 12 lists, on the first: lexical reads no instruction; it was ignored."
    ]
