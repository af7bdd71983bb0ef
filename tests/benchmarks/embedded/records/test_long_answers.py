"""Long documents with the answer somewhere in them."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.embedded.records.long_answers import long_answers
from benchmarks.embedded.records.reading import Record

RECORD = Record("medquad", "medquad:NIH", "one page", "?", "", "qa", "CC BY 4.0")


def page(count: int, words: int, group: str = "one page") -> list[Record]:
    return [
        replace(
            RECORD,
            group=group,
            query=f"question {place} of {group}?",
            passage=" ".join([f"{group.replace(' ', '-')}-{place}"] * words),
        )
        for place in range(count)
    ]


def test_sections_of_a_page_are_put_end_to_end_as_far_as_there_is_room() -> None:
    found = long_answers(page(5, 40), words=100)
    assert [len(one.passage.splitlines()) for one in found] == [2, 2, 2, 2]


def test_each_question_gets_the_document_with_its_answer() -> None:
    records = page(4, 40)
    for one, given in zip(long_answers(records, words=100), records, strict=True):
        assert one.query == given.query
        assert given.passage in one.passage.splitlines()


def test_a_document_is_of_one_page_and_of_its_side() -> None:
    found = long_answers([*page(2, 10), *page(2, 10, "another")], words=100)
    assert {one.group for one in found} == {"one page", "another"}
    assert len({one.passage for one in found}) == 2


def test_a_page_of_one_section_gives_none() -> None:
    assert long_answers(page(1, 40), words=100) == []


def test_a_section_longer_than_the_room_stays_alone() -> None:
    assert long_answers(page(3, 150), words=100) == []
