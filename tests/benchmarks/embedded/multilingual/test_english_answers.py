"""Questions over single sentences: which paragraphs they are of, and what stands beside the answer."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from benchmarks.embedded.multilingual.english_answers import (
    Paragraph,
    Question,
    drawn,
    read_articles,
    sentences,
)
from benchmarks.embedded.records.reading import Record, is_development


def row(group: str, query: str, passage: str, answers: list[str], **more: object) -> dict[str, object]:
    own = {"source": "squad", "group": group, "query": query, "passage": passage, "licence": "CC BY-SA 4.0"}
    return {**own, "kind": "qa", "answers": answers, "in_xquad": False, **more}


def write(folder: Path, rows: list[dict[str, object]]) -> Path:
    folder.mkdir()
    lines = "\n".join(json.dumps(one) for one in rows)
    (folder / "squad_explore.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return folder


def name(development: bool) -> str:
    """A group that is kept apart, or one that is not."""
    return next(
        group
        for group in map(str, range(1000))
        if is_development(Record("squad_explore", "", group, "", "", "", "")) == development
    )


WALL = "The wall was built by monks. It has a gate of iron. Later a bridge was built by smiths."


def test_a_question_has_the_only_sentence_that_holds_an_answer(tmp_path: Path) -> None:
    group = name(False)
    rows = [
        row(group, "Who built the wall?", WALL, ["monks"]),
        row(group, "What is of iron?", WALL, ["gate", "a gate of iron"]),
        row(group, "What was done?", WALL, ["was built by"]),  # two sentences hold it
        row(group, "Who built the tower?", WALL, [], kind="qa_unanswerable"),
    ]
    found = read_articles(write(tmp_path / "train", rows), tmp_path)
    assert found == {
        group: [
            Paragraph(
                sentences(WALL, 4, 60),
                [
                    Question("Who built the wall?", 0, ("monks",)),
                    Question("What is of iron?", 1, ("gate", "a gate of iron")),
                ],
            )
        ]
    }


@pytest.mark.parametrize(
    "other",
    [
        row("Warsaw", "Who built the wall?", WALL, ["monks"]),
        row(name(True), "Who built the wall?", WALL, ["monks"]),
        row(name(False), "Who built the wall?", WALL, ["monks"], in_xquad=True),
    ],
    ids=["of the evaluation", "kept apart", "translated"],
)
def test_what_a_model_is_measured_or_chosen_by_is_left_out(tmp_path: Path, other: dict[str, object]) -> None:
    assert read_articles(write(tmp_path / "train", [other]), tmp_path) == {}


def test_a_question_over_a_paragraph_that_was_translated_is_left_out_in_other_paragraphs(
    tmp_path: Path,
) -> None:
    group = name(False)
    rows = [
        row(group, "Who built the wall?", "Smiths built the wall in a year.", ["Smiths"], in_xquad=True),
        row(group, "Who built the wall?", WALL, ["monks"]),
        row(group, "What is of iron?", WALL, ["gate"]),
    ]
    (paragraph,) = read_articles(write(tmp_path / "train", rows), tmp_path)[group]
    assert [one.text for one in paragraph.questions] == ["What is of iron?"]


ARTICLE = [
    Paragraph(
        [f"Part {number} says that {other} is of stone." for other in "abcdef"],
        [Question(f"WHAT IS {number}?", 2, (f"Part {number}",))],
    )
    for number in range(5)
]


def test_a_question_points_at_its_sentence_among_those_of_neighbouring_paragraphs() -> None:
    for seed in range(20):
        found = drawn({"Stones": ARTICLE, "More": ARTICLE[:1]}, random.Random(seed))
        assert found.questions
        for text, place in found.questions:
            number = next(letter for letter in text if letter.isdigit())
            assert found.sentences[place] == f"Part {number} says that c is of stone."


def test_a_sentence_that_holds_the_answer_to_a_neighbours_question_is_left_out() -> None:
    """Each answer here is in all sentences of its paragraph, of which the question's own alone stays."""
    found = drawn({"Stones": ARTICLE[:3]}, random.Random(1))
    assert sorted(found.sentences) == [f"Part {number} says that c is of stone." for number in range(3)]


def test_questions_are_also_as_people_type_them() -> None:
    texts = {
        text for seed in range(40) for text, _ in drawn({"One": ARTICLE[:1]}, random.Random(seed)).questions
    }
    assert texts == {"WHAT IS 0?", "WHAT IS 0", "what is 0?", "what is 0"}


def test_sentences_are_those_of_so_many_words() -> None:
    text = "Too short. This one is of six words.\nAnd so is this one here."
    assert sentences(text, 5, 45) == ["This one is of six words.", "And so is this one here."]
