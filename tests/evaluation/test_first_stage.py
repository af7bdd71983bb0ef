from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localrank import InvalidDataError, InvalidRequestError, MissingDependencyError
from localrank.evaluation import first_stage_of, load_beir
from tests.support.hub_folder import write_hub_folder
from tests.support.small_collection import DOCUMENTS, RUN, small_collection, write_first_stage


def ids(ranking: list[tuple[str, float]]) -> list[str]:
    return [document for document, _ in ranking]


def test_bm25_is_the_default_and_finds_shared_words() -> None:
    stage = first_stage_of(small_collection(), candidates=2)

    assert stage.name == "bm25"
    assert ids(stage.run["q1"]) == ["d1", "d2"]
    assert ids(stage.run["q3"]) == ["d5", "d6"]
    assert all(first > second for ((_, first), (_, second)) in stage.run.values())


def test_bm25_ranks_only_a_querys_own_documents_where_it_has_some() -> None:
    pools = {query: ["d2", "d3", "d4", "d5"] for query in small_collection().queries}
    stage = first_stage_of(replace(small_collection(), pools=pools), "bm25")

    assert ids(stage.run["q1"])[0] == "d2"
    assert all(sorted(ids(ranking)) == ["d2", "d3", "d4", "d5"] for ranking in stage.run.values())


def test_a_query_of_unknown_words_keeps_the_order_of_the_corpus() -> None:
    unknown = replace(small_collection(), queries={"q1": "xyzzy"})

    assert ids(first_stage_of(unknown, "bm25", candidates=3).run["q1"]) == ["d1", "d2", "d3"]


def test_corpus_keeps_the_order_of_the_documents() -> None:
    stage = first_stage_of(small_collection(), "corpus", candidates=None)

    assert ids(stage.run["q5"]) == list(DOCUMENTS)


def test_a_querys_own_documents_are_the_default_where_it_has_some() -> None:
    pools = {query: ["d9", "d2"] for query in small_collection().queries}
    stage = first_stage_of(replace(small_collection(), pools=pools))

    assert (stage.name, ids(stage.run["q1"])) == ("corpus", ["d9", "d2"])


def test_judged_takes_each_querys_judged_documents_in_the_order_of_the_corpus() -> None:
    judgements = {"q1": {"d7": 1, "gone": 1, "d2": 0}, "q2": {"d3": 1}}
    stage = first_stage_of(replace(small_collection(), judgements=judgements), "judged")

    assert ids(stage.run["q1"]) == ["d2", "d7"]
    assert ids(stage.run["q2"]) == ["d3"]
    assert stage.run["q3"] == []


def test_a_run_is_read_from_its_file_and_cut(tmp_path: Path) -> None:
    stage = first_stage_of(small_collection(), write_first_stage(tmp_path / "dense.run"), candidates=2)

    assert stage.name == "dense"
    assert stage.run == {query: ranking[:2] for query, ranking in RUN.items()}


def test_a_run_in_memory_may_leave_queries_out() -> None:
    assert first_stage_of(small_collection(), {"q1": [("d1", 1.0)]}).run["q2"] == []


@pytest.mark.parametrize(
    ("stage", "complaint"),
    [
        ({"q1": [("d99", 1.0)]}, "ranks document 'd99' for query 'q1', which 'small' does not have"),
        ({"x": [("d1", 1.0)]}, "ranks nothing for the 5 queries of 'small'"),
        ("bm52", "The first stage 'bm52' is no file"),
    ],
)
def test_a_stage_that_cannot_be_used_is_refused(stage: Any, complaint: str) -> None:
    with pytest.raises(InvalidRequestError, match=complaint):
        first_stage_of(small_collection(), stage)


@pytest.mark.parametrize("count", [0, True, 2.5])
def test_a_wrong_number_of_candidates_is_refused(count: Any) -> None:
    with pytest.raises(InvalidRequestError, match="candidates is"):
        first_stage_of(small_collection(), "corpus", candidates=count)


def test_bm25_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bm25s", None)

    with pytest.raises(MissingDependencyError, match=r'pip install "localrank\[eval\]"'):
        first_stage_of(small_collection(), "bm25")


def test_candidates_that_came_with_the_data_are_a_first_stage_by_their_name(tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "nano", candidates=("bm25", "hybrid"))
    collection = load_beir(folder)

    assert sorted(collection.first_stages) == ["bm25", "hybrid"]
    for name in (None, "bm25", "hybrid"):
        found = first_stage_of(collection, name, candidates=2)
        assert (found.name, found.is_order) == (name or "bm25", True)
        assert found.run["q1"] == [("d2", -1.0), ("d1", -2.0)]


def test_a_first_stage_that_is_not_there_names_those_that_came_with_the_data(tmp_path: Path) -> None:
    collection = load_beir(write_hub_folder(tmp_path / "nano", candidates=("hybrid",)))

    with pytest.raises(InvalidDataError, match="Pass bm25, corpus, judged, hybrid or the path of a TREC run"):
        first_stage_of(collection, "dense")
