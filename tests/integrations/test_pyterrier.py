"""Our models as a transformer of PyTerrier, against the installed PyTerrier; nothing here needs Java."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("pyterrier", reason="needs the extra `pyterrier`")

import pandas as pd
import pyterrier as pt

from localrank import InvalidRequestError, Retrieved
from localrank.integrations import LocalRankTransformer
from localrank.testing import MockReranker
from localrank_transformers import OnnxReranker
from tests.support.notes import ANSWER, QUERY, TEXTS


def frame(*queries: str, **columns: Any) -> pd.DataFrame:
    rows = [
        {
            "qid": f"q{number}",
            "query": query,
            "docno": f"d{place}",
            "text": text,
            "score": -place,
            "rank": place,
        }
        for number, query in enumerate(queries)
        for place, text in enumerate(TEXTS)
    ]
    return pd.DataFrame(rows).assign(**columns)


def test_each_query_gets_its_own_answer_first() -> None:
    found = LocalRankTransformer(OnnxReranker()).transform(frame(QUERY, "What do pandas eat?"))

    first = found[found["rank"] == 0].set_index("qid")["text"].to_dict()
    assert first == {"q0": ANSWER, "q1": TEXTS[5]}
    assert len(found) == 2 * len(TEXTS)


def test_scores_fall_and_ranks_rise_from_0_within_a_query() -> None:
    found = LocalRankTransformer(OnnxReranker()).transform(frame(QUERY, "What do pandas eat?"))

    for _, rows in found.groupby("qid"):
        assert rows["rank"].tolist() == list(range(len(TEXTS)))
        assert rows["score"].tolist() == sorted(rows["score"], reverse=True)


def test_it_stands_in_a_pipeline_with_a_cutoff() -> None:
    pipeline = pt.Transformer.from_df(frame(QUERY)) >> LocalRankTransformer(OnnxReranker()) % 1

    found = pipeline.transform(pd.DataFrame([{"qid": "q0", "query": QUERY}]))
    assert found["text"].tolist() == [ANSWER]


def test_other_columns_and_the_frame_that_comes_in_are_left_as_they_are() -> None:
    given = frame(QUERY, source="notes")
    before = given.copy()

    found = LocalRankTransformer(MockReranker([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]])).transform(given)

    pd.testing.assert_frame_equal(given, before)
    assert found["docno"].tolist() == ["d5", "d4", "d3", "d2", "d1", "d0"]
    assert set(found["source"]) == {"notes"}


def test_the_model_gets_the_scores_that_came_in() -> None:
    found = LocalRankTransformer(Retrieved()).transform(frame(QUERY))

    assert found["docno"].tolist() == [f"d{place}" for place in range(len(TEXTS))]


def test_what_a_deadline_left_unscored_falls_too() -> None:
    found = LocalRankTransformer(MockReranker(delay=30), deadline=0.01).transform(frame(QUERY))

    assert found["score"].tolist() == [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]


def test_an_empty_frame_stays_empty_with_its_columns() -> None:
    found = LocalRankTransformer(MockReranker()).transform(frame(QUERY).iloc[:0])

    assert (len(found), {"qid", "docno", "score", "rank"} <= set(found.columns)) == (0, True)


def test_a_frame_without_texts_is_told_how_to_get_them() -> None:
    with pytest.raises(InvalidRequestError, match=r"no column 'text'\. Put pt\.text\.get_text"):
        LocalRankTransformer(MockReranker()).transform(frame(QUERY).drop(columns="text"))
