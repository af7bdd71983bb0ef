"""Which queries lists are made for."""

from __future__ import annotations

import random

from benchmarks.embedded.lists.drafts import draft_queries
from benchmarks.embedded.records.reading import Record

PASSAGE = (
    "Rivers carry sand from the hills down to the wide and quiet sea. They drop the heavy stones first "
    "where the slope is low. Fine mud travels far beyond the mouth of the river into deep water."
)
RECORDS = [
    Record(
        "docs",
        "s",
        f"g{number}",
        f"What do rivers of region {number} carry?",
        f"{number} {PASSAGE}",
        "faq",
        "MIT",
    )
    for number in range(30)
]


def kinds_of(scale: float) -> list[str]:
    passages = [one.passage for one in RECORDS]
    return [one.kind for one in draft_queries(RECORDS, passages, scale, random.Random(1))]


def test_given_and_made_queries_are_drafted() -> None:
    assert set(kinds_of(1.0)) == {"faq", "sentence", "keywords"}


def test_a_smaller_scale_drafts_fewer() -> None:
    assert kinds_of(0.001).count("sentence") < kinds_of(1.0).count("sentence")


def test_only_a_persons_question_counts_as_one() -> None:
    passages = [one.passage for one in RECORDS]
    drafts = draft_queries(RECORDS, passages, 1.0, random.Random(1))
    assert {one.kind for one in drafts if one.human} == {"faq"}


def test_the_positive_of_a_cut_sentence_lacks_it() -> None:
    passages = [one.passage for one in RECORDS]
    drafts = [
        one for one in draft_queries(RECORDS, passages, 1.0, random.Random(1)) if one.kind == "sentence"
    ]
    assert all(one.changed and one.query not in one.positive for one in drafts)
