from __future__ import annotations

import pytest

from localrank.cli.paragraphs import MAX_CHARACTERS, Paragraph, split_paragraphs


def test_blank_lines_part_paragraphs_and_the_first_line_counts() -> None:
    assert split_paragraphs("one\nstill one\n\n\ntwo\n") == [
        Paragraph("one\nstill one", 1),
        Paragraph("two", 5),
    ]


def test_a_paragraph_knows_the_headings_above_it() -> None:
    text = "# Notes\n\nintro\n\n## Prices\nWe raise them.\n\n### Later\n\nmaybe\n\n## Names\n\nnone"

    assert [(one.text, one.heading) for one in split_paragraphs(text)] == [
        ("intro", "Notes"),
        ("We raise them.", "Notes > Prices"),
        ("maybe", "Notes > Prices > Later"),
        ("none", "Notes > Names"),
    ]


def test_a_heading_right_after_a_line_of_text_starts_anew() -> None:
    assert split_paragraphs("text\n# Heading\nmore") == [
        Paragraph("text", 1),
        Paragraph("more", 3, "Heading"),
    ]


def test_underlined_headings_count_in_the_order_of_their_underlines() -> None:
    text = "=====\nTitle\n=====\n\nintro\n\nPart\n----\n\nbody\n\nOther\n-----\n\nend"

    assert [(one.text, one.line, one.heading) for one in split_paragraphs(text, "rst")] == [
        ("intro", 5, "Title"),
        ("body", 10, "Title > Part"),
        ("end", 15, "Title > Other"),
    ]


def test_fenced_code_stays_whole_and_its_hashes_are_no_headings() -> None:
    text = "```python\n# a comment\n\nx = 1\n```\n\nafter"

    assert split_paragraphs(text) == [
        Paragraph("```python\n# a comment\n\nx = 1\n```", 1),
        Paragraph("after", 7),
    ]


@pytest.mark.parametrize(
    "code",
    [
        "    # a comment\n\n    x = 1",
        "- item\n  ~~~\n  # a comment\n\n  x = 1\n  ~~~",
        "~~~~\n~~~\n\nx\n~~~~",
    ],
)
def test_code_of_any_form_stays_whole(code: str) -> None:
    assert split_paragraphs(f"{code}\n\nafter") == [
        Paragraph(code, 1),
        Paragraph("after", code.count("\n") + 3),
    ]


def test_underlines_of_markdown_are_headings_of_the_first_and_second_level() -> None:
    text = "Part\n----\n\none\n\nTitle\n=\ntwo\n\nPart\n--\nthree"

    assert [(one.text, one.line, one.heading) for one in split_paragraphs(text)] == [
        ("one", 4, "Part"),
        ("two", 8, "Title"),
        ("three", 12, "Title > Part"),
    ]


def test_a_carriage_return_within_a_line_moves_no_heading() -> None:
    assert split_paragraphs("a\rb\n\n# Heading\n\ntext") == [
        Paragraph("a\rb", 1),
        Paragraph("text", 5, "Heading"),
    ]


def test_a_text_in_restructuredtext_may_begin_with_blank_lines() -> None:
    assert split_paragraphs("\nTitle\n=====\nSub\n---\n\n# text\n\n----\n\nend", "rst") == [
        Paragraph("# text", 7, "Title > Sub"),
        Paragraph("end", 11, "Title > Sub"),
    ]


def test_a_table_of_restructuredtext_is_text() -> None:
    table = "=====  ====\nname   size\n=====  ====\none    1\n=====  ===="

    assert split_paragraphs(table, "rst") == [Paragraph(table, 1)]


def test_a_line_that_announces_stays_with_what_it_announces() -> None:
    assert split_paragraphs("For example:\n\n- one\n- two") == [Paragraph("For example:\n\n- one\n- two", 1)]


def test_a_line_that_announces_does_not_swallow_a_heading() -> None:
    assert split_paragraphs("See below:\n\n# Below\n\ntext") == [
        Paragraph("See below:", 1),
        Paragraph("text", 5, "Below"),
    ]


@pytest.mark.parametrize(
    "noise", ["---", "***", "<!-- a\n\ncomment -->", "<!-- a\ncomment -->", "---\ntitle: x\n---"]
)
def test_rules_comments_and_front_matter_are_left_out(noise: str) -> None:
    assert [one.text for one in split_paragraphs(f"{noise}\n\ntext")] == ["text"]


def test_plain_text_has_no_headings() -> None:
    assert split_paragraphs("# not a heading", "plain") == [Paragraph("# not a heading", 1)]


def test_a_long_paragraph_is_cut_at_sentence_ends_with_the_right_lines() -> None:
    sentence = "This sentence has exactly as many words as it needs.\n"
    pieces = split_paragraphs(sentence * 60)

    assert all(len(one.text) <= MAX_CHARACTERS for one in pieces)
    assert all(one.text.startswith("This") and one.text.endswith("needs.") for one in pieces)
    assert [one.line for one in pieces] == [
        1 + sum(len(piece.text.split("\n")) for piece in pieces[:at]) for at in range(len(pieces))
    ]


def test_nothing_is_lost_of_a_long_paragraph_without_any_sentence_end() -> None:
    text = "word " * 1_000

    assert "".join("".join(one.text.split()) for one in split_paragraphs(text)) == "word" * 1_000


def test_a_long_run_without_spaces_is_cut_too() -> None:
    assert [len(one.text) for one in split_paragraphs("x" * (2 * MAX_CHARACTERS + 7))] == [
        MAX_CHARACTERS,
        MAX_CHARACTERS,
        7,
    ]


def test_blank_text_has_no_paragraphs() -> None:
    assert split_paragraphs(" \n\n\t\n") == []
