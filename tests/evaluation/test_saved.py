from __future__ import annotations

import json
from pathlib import Path

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
