from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from localrank import InvalidRequestError
from localrank.evaluation import Evaluation, evaluate_sync, load_evaluation, save_evaluation
from tests.support.small_collection import DOCUMENTS, RUN, small_collection


@pytest.fixture
def found() -> Evaluation:
    return evaluate_sync("lexical:default", small_collection(), first_stage=RUN, measures=["nDCG@10", "AP"])


def test_what_was_saved_is_loaded(found: Evaluation, tmp_path: Path) -> None:
    save_evaluation(found, tmp_path / "results.json")

    assert load_evaluation(tmp_path / "results.json") == found


def test_the_summary_and_the_comparisons_stand_in_front_for_other_programs(
    found: Evaluation, tmp_path: Path
) -> None:
    save_evaluation(found, tmp_path / "results.json")
    record = json.loads((tmp_path / "results.json").read_text("utf-8"))

    assert [one["name"] for one in record["summary"]] == ["run", "lexical:default"]
    assert record["summary"][1]["means"] == found["lexical:default"].means
    assert [(one["measure"], one["first"], one["second"]) for one in record["significance"]] == [
        ("nDCG@10", "run", "lexical:default"),
        ("AP", "run", "lexical:default"),
    ]


def test_no_text_of_a_document_is_saved(found: Evaluation, tmp_path: Path) -> None:
    save_evaluation(found, tmp_path / "results.json")
    text = (tmp_path / "results.json").read_text("utf-8")

    assert [one for one in DOCUMENTS.values() if one in text] == []
    assert "reset the router" in text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is no JSON"),
        ("[]", "is no saved evaluation"),
        ('{"format": "localrank-evaluation/2"}', "is no saved evaluation"),
        ('{"format": "localrank-evaluation/1", "systems": [{}]}', "is a damaged evaluation: KeyError"),
        ("[" * 100_000, "is no JSON: it is nested too deeply"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text, "utf-8")

    with pytest.raises(InvalidRequestError, match=complaint):
        load_evaluation(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"none.json cannot be read"):
        load_evaluation(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("systems", []),
        ("measures", [1]),
        ("measures", ["P@1"]),
        ("queries", ["q1"]),
        ("queries", {"q1": 7}),
        ("judgements", {"q1": 5}),
        ("candidates", "ten"),
    ],
)
def test_a_value_that_was_changed_by_hand_is_refused(
    found: Evaluation, tmp_path: Path, key: str, value: object
) -> None:
    path = tmp_path / "results.json"
    save_evaluation(found, path)
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), key: value}), "utf-8")

    with pytest.raises(InvalidRequestError, match=r"results\.json is a damaged evaluation"):
        load_evaluation(path)


@pytest.mark.parametrize("values", [{}, {"nDCG@10": {"q1": "high"}, "AP": {}}, {"nDCG@10": {}, "AP": {}}])
def test_values_that_are_not_one_number_a_query_are_refused(
    found: Evaluation, tmp_path: Path, values: object
) -> None:
    path = tmp_path / "results.json"
    save_evaluation(found, path)
    record = json.loads(path.read_text("utf-8"))
    record["systems"][1]["values"] = values
    path.write_text(json.dumps(record), "utf-8")

    with pytest.raises(InvalidRequestError, match=r"results\.json is a damaged evaluation"):
        load_evaluation(path)


def test_a_byte_order_mark_is_skipped(found: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    save_evaluation(found, path)
    path.write_text(path.read_text("utf-8"), "utf-8-sig")

    assert load_evaluation(path) == found


def test_an_interruption_leaves_the_result_of_before(
    found: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.json"
    save_evaluation(found, path)

    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_evaluation(found, path)

    assert load_evaluation(path) == found
    assert [one.name for one in tmp_path.iterdir()] == ["results.json"]


def test_an_evaluation_that_was_asked_for_in_numbers_of_numpy_is_saved(tmp_path: Path) -> None:
    asked = {"candidates": np.int64(2), "queries": np.int32(2), "seed": np.int64(3)}
    found = evaluate_sync("lexical:default", small_collection(), first_stage=RUN, measures=["AP"], **asked)
    save_evaluation(found, tmp_path / "results.json")

    assert load_evaluation(tmp_path / "results.json") == found
