"""The model card says what the run knows, and nothing that it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from localrank_transformers.models.folder.card import card_languages
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.publishing.card import Facts, write_card
from localrank_transformers.training.request import Calibrated, TrainRequest, TrainResult

LISTS = [TrainingList("q", ("a", "b"), (1.0, 0.0), None, "MIT", "faq"), TrainingList("r", ("c", "d"))]
FACTS = Facts(
    request=TrainRequest(data=(Path("faq.jsonl"),), out=Path("my-reranker")),
    result=TrainResult(Path("my-reranker"), True, 10, 10, 0.1, 0.2, 0.3),
    history=((10, 0.3),),
    device="cpu",
    dtype="fp32",
    config={"architectures": ["BertModel"]},
    parameters=1_500_000,
    max_length=256,
    agreement=None,
)


def card(facts: Facts, folder: Path) -> str:
    write_card(facts, LISTS, LISTS[:1], folder / "README.md")
    return (folder / "README.md").read_text("utf-8")


def test_data_and_figures_are_counted_by_licence_and_source(tmp_path: Path) -> None:
    text = card(FACTS, tmp_path)
    assert "| MIT | faq | 1 | 2 | 1 |\n| not stated | not stated | 1 | 2 | 0 |\n\n" in text
    assert "1 have labels, 1 have nothing but texts." in text
    assert "| this model, float32 | 0.3000 |\n| this model, int8 | – |\n\n" in text


def test_each_block_stands_apart_and_the_card_ends_with_what_it_is_not_for(tmp_path: Path) -> None:
    blocks = card(FACTS, tmp_path).split("\n\n")
    assert blocks[:2] == [
        "---\nlibrary_name: localrank\npipeline_tag: text-ranking\ntags: [reranker, cross-encoder]\n---",
        "# my-reranker",
    ]
    assert blocks[-2] == "## What it is not for"
    assert "Calibration" not in "".join(blocks)


def test_a_calibration_says_where_it_was_put(tmp_path: Path) -> None:
    fitted = replace(FACTS.result, calibrated=Calibrated(2.0, 0.5, 0.2, 0.1, 7))
    assert "which is inside the weights" in card(replace(FACTS, result=fitted), tmp_path)
    assert "which is inside `localrank.json`" in card(replace(FACTS, result=fitted, late=True), tmp_path)


def test_the_languages_of_the_base_are_stated_where_the_folder_is_read(tmp_path: Path) -> None:
    assert card_languages(tmp_path) == ()
    card(replace(FACTS, languages=("en", "de")), tmp_path)
    assert card_languages(tmp_path) == ("en", "de")


def test_languages_that_the_base_did_not_know_leave_all_of_them_unstated(tmp_path: Path) -> None:
    german = TrainingList("Welche Aufgabe hat die Leber und wo ist sie?", ("a", "b"))
    for lists, stated in (([*LISTS, german], ()), ([*LISTS * 8, german], ("en",))):
        write_card(replace(FACTS, languages=("en",)), lists, [], tmp_path / "README.md")
        assert card_languages(tmp_path) == stated
