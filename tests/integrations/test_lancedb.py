"""Our models as the reranker of LanceDB's searches, against the installed LanceDB."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lancedb", reason="needs the extra `lancedb`")

import lancedb
from lancedb.index import FTS

from localrank import InvalidRequestError, Retrieved
from localrank.integrations import LocalRankLanceDBReranker
from localrank.testing import MockReranker
from localrank_transformers import OnnxReranker
from tests.support.notes import ANSWER, QUERY, TEXTS

NEAREST_FIRST = [1.0, 0.0]


def rows() -> list[dict[str, Any]]:
    return [
        {"place": place, "text": text, "vector": [1.0, place / 10]}
        for place, text in enumerate((*TEXTS[:2], *TEXTS[3:], ANSWER))
    ]


@pytest.fixture
def table(tmp_path: Path) -> Any:
    made = lancedb.connect(tmp_path).create_table("notes", rows())
    made.create_index("text", config=FTS(remove_stop_words=False))
    return made


def searched(table: Any, kind: str) -> Any:
    if kind == "vector":
        return table.search(NEAREST_FIRST).limit(6)
    if kind == "fts":
        return table.search(QUERY, query_type="fts").limit(6)
    return table.search(query_type="hybrid").vector(NEAREST_FIRST).text(QUERY).limit(6)


def reranked(table: Any, kind: str, reranker: Any) -> list[dict[str, Any]]:
    search = searched(table, kind)
    query = {"query_string": QUERY} if kind == "vector" else {}
    found: list[dict[str, Any]] = search.rerank(reranker, **query).to_list()
    return found


@pytest.mark.parametrize("kind", ["vector", "fts", "hybrid"])
def test_the_answer_comes_first_whatever_the_search(table: Any, kind: str) -> None:
    found = reranked(table, kind, LocalRankLanceDBReranker(OnnxReranker()))

    assert found[0]["text"] == ANSWER
    scores = [row["_relevance_score"] for row in found]
    assert scores == sorted(scores, reverse=True)
    assert not {"_distance", "_score"} & set(found[0])


def test_scores_of_the_searches_are_kept_when_asked_for(table: Any) -> None:
    reranker = LocalRankLanceDBReranker(OnnxReranker(), return_score="all")

    assert {"_distance", "_score", "_relevance_score"} <= set(reranked(table, "hybrid", reranker)[0])


def test_the_async_search_gets_the_same(tmp_path: Path) -> None:
    async def search() -> list[dict[str, Any]]:
        made = await (await lancedb.connect_async(tmp_path)).create_table("notes", rows())
        found: list[dict[str, Any]] = (
            await made.query()
            .nearest_to(NEAREST_FIRST)
            .rerank(LocalRankLanceDBReranker(OnnxReranker()), QUERY)
            .to_list()
        )
        return found

    assert asyncio.run(search())[0]["text"] == ANSWER


def test_the_model_gets_the_searchs_scores_higher_for_nearer(table: Any) -> None:
    model = MockReranker()
    reranked(table, "vector", LocalRankLanceDBReranker(model))
    reranked(table, "fts", LocalRankLanceDBReranker(model))
    reranked(table, "hybrid", LocalRankLanceDBReranker(model))

    near, words, both = (call.first_stage_scores for call in model.calls)
    assert near is not None
    assert words is not None
    assert list(near) == sorted(near, reverse=True)
    assert list(words) == sorted(words, reverse=True)
    assert both is None


def test_a_fusion_with_the_retrievers_scores_alone_keeps_its_order(table: Any) -> None:
    found = reranked(table, "vector", LocalRankLanceDBReranker(Retrieved()))

    assert [row["place"] for row in found] == list(range(6))


def test_what_a_deadline_left_unscored_has_no_score(table: Any) -> None:
    found = reranked(table, "vector", LocalRankLanceDBReranker(MockReranker(delay=30), deadline=0.01))

    assert [row["_relevance_score"] for row in found] == [None] * 6


def test_no_rows_give_none(table: Any) -> None:
    search = table.search("zyzzyva", query_type="fts").limit(3)

    assert search.rerank(LocalRankLanceDBReranker(MockReranker())).to_list() == []


def test_another_column_holds_the_text(tmp_path: Path) -> None:
    made = lancedb.connect(tmp_path).create_table(
        "notes", [{"body": text, "vector": [1.0, 0.0]} for text in TEXTS]
    )
    reranker = LocalRankLanceDBReranker(OnnxReranker(), column="body")

    assert (
        made.search(NEAREST_FIRST).limit(6).rerank(reranker, query_string=QUERY).to_list()[0]["body"]
        == ANSWER
    )


def test_an_absent_column_is_named_with_those_there_are(table: Any) -> None:
    reranker = LocalRankLanceDBReranker(MockReranker(), column="body")

    with pytest.raises(InvalidRequestError, match=r"no column 'body'\. There are place, text, vector"):
        reranked(table, "vector", reranker)


def test_another_word_for_the_scores_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="return_score is 'both'"):
        LocalRankLanceDBReranker(return_score="both")
