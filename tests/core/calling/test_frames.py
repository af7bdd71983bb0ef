"""`rerank_frame`: the rows come back as the kind of table they came in, best first, and nothing of them is lost."""

from __future__ import annotations

import sys
from typing import Any

import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from localrank import InvalidRequestError, MissingDependencyError, Retrieved, rerank_frame, rerank_frame_sync
from localrank.testing import LexicalReranker

pytestmark = pytest.mark.anyio

ROWS = {"text": ["a train to Rome", "pasta", "a ferry"], "n": [1, 2, 3], "found": [0.1, 0.3, 0.2]}
KINDS = [pd.DataFrame, pl.DataFrame, pa.table]


def rows(table: Any) -> dict[str, list[Any]]:
    return {
        name: column.to_list() for name, column in nw.from_native(table, eager_only=True).to_dict().items()
    }


@pytest.mark.parametrize("kind", KINDS)
async def test_rows_come_back_best_first_with_rank_and_score(kind: Any) -> None:
    table = kind(ROWS)

    ranked = await rerank_frame(LexicalReranker(), "ferry", table)

    assert type(ranked) is type(table)
    shown = rows(ranked)
    assert list(shown) == ["text", "n", "found", "rank", "score"]
    assert (shown["n"], shown["rank"]) == ([3, 1, 2], [1, 2, 3])
    assert shown["score"] == sorted(shown["score"], reverse=True)


@pytest.mark.parametrize("kind", KINDS)
async def test_top_k_and_scores_of_a_column_are_honoured(kind: Any) -> None:
    ranked = await rerank_frame(
        Retrieved(), "q", kind(ROWS), top_k=2, first_stage_scores="found", rank="place"
    )

    assert (rows(ranked)["n"], rows(ranked)["place"], rows(ranked)["score"]) == ([2, 3], [1, 2], [0.3, 0.2])


@pytest.mark.parametrize("kind", KINDS)
async def test_a_text_may_be_made_of_the_row(kind: Any) -> None:
    ranked = await rerank_frame(
        LexicalReranker(), "two", kind(ROWS), lambda row: "two" if row["n"] == 2 else "-"
    )

    assert rows(ranked)["n"][0] == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_no_rows_give_no_rows(kind: Any) -> None:
    empty = kind({name: [] for name in ROWS}) if kind is not pa.table else kind(ROWS).slice(0, 0)

    assert rows(await rerank_frame(LexicalReranker(), "q", empty))["rank"] == []


async def test_an_index_of_pandas_goes_along_even_where_it_repeats() -> None:
    table = pd.DataFrame(ROWS, index=["x", "x", "y"])

    ranked = await rerank_frame(LexicalReranker(), "ferry", table)

    assert list(ranked.index) == ["y", "x", "x"]
    assert list(table.columns) == list(ROWS)


def test_it_waits_for_the_answer_without_async() -> None:
    assert rerank_frame_sync(LexicalReranker(), "ferry", pd.DataFrame(ROWS), top_k=1)["n"].tolist() == [3]


@pytest.mark.parametrize(
    ("table", "arguments", "said"),
    [
        (["a", "b"], {}, "table is of type list.*goes to rerank"),
        (pl.LazyFrame(ROWS), {}, "table is of type LazyFrame.*collect"),
        (pd.DataFrame(ROWS), {"text": "txt"}, "no column 'txt'. Did you mean 'text'"),
        (pd.DataFrame(ROWS), {"text": "body"}, "no column 'body'. It has 'text', 'n', 'found'"),
        (pd.DataFrame(ROWS), {"first_stage_scores": "bm25"}, "no column 'bm25'"),
        (pd.DataFrame(ROWS), {"score": "n"}, "has a column 'n' already. Name another with rank= or score="),
        (pd.DataFrame(ROWS), {"text": "n"}, r"documents\[0\] is the number 1"),
        (pl.DataFrame({"text": ["a", None]}), {}, r"documents\[1\] is None"),
    ],
)
async def test_what_cannot_be_ranked_is_named(table: Any, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        await rerank_frame(LexicalReranker(), "q", table, **arguments)


async def test_without_narwhals_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "narwhals", None)

    with pytest.raises(MissingDependencyError, match=r"localrank\[frames\]"):
        await rerank_frame(LexicalReranker(), "q", pd.DataFrame(ROWS))


@pytest.mark.parametrize("kind", KINDS)
async def test_rank_and_score_need_names_of_their_own(kind: Any) -> None:
    with pytest.raises(InvalidRequestError, match="both to be 's'"):
        await rerank_frame("lexical:default", "ferry", kind(ROWS), rank="s", score="s")


async def test_columns_of_one_name_are_refused() -> None:
    table = pd.DataFrame([["a", "b"]], columns=["text", "text"])
    with pytest.raises(InvalidRequestError, match="two columns of one name"):
        await rerank_frame("lexical:default", "ferry", table)


async def test_a_column_may_be_called_by_a_number() -> None:
    table = pd.DataFrame([["a train"], ["a ferry"]])
    ranked = await rerank_frame("lexical:default", "ferry", table, text=0)  # type: ignore[arg-type]
    assert ranked[0].tolist() == ["a ferry", "a train"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_row_without_words_has_no_score_and_is_warned_of(kind: Any) -> None:
    with pytest.warns(UserWarning, match="1 document has no text"):
        ranked = await rerank_frame(LexicalReranker(), "ferry", kind({"text": ["", "a ferry"]}))

    shown = nw.from_native(ranked, eager_only=True)
    assert shown["text"].to_list() == ["a ferry", ""]
    assert shown["score"].is_null().to_list() == [False, True]
