from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from localrank.evaluation import Evaluation, evaluate_sync
from localrank.evaluation.report import Report, comparison_table, cost_table, quality_table, report_of
from localrank.evaluation.report_html import html
from localrank.evaluation.report_markdown import markdown, markdown_table
from localrank.evaluation.scatter import Theme, scatter_svg
from localrank.evaluation.significance import compared
from localrank.testing import LexicalReranker, MockReranker
from tests.support.small_collection import DOCUMENTS, QUERIES, RUN, small_collection


@pytest.fixture(scope="module")
def found() -> Evaluation:
    nasty = replace(small_collection(), queries={**QUERIES, "q1": "<b>reset | the *router*"})
    models = {"lexical": LexicalReranker(), "<slow>": MockReranker(delay=0.02)}
    return evaluate_sync(models, nasty, first_stage=RUN, measures=["nDCG@10", "P@1"])


@pytest.fixture(scope="module")
def report(found: Evaluation) -> Report:
    return report_of(found, documents=DOCUMENTS)


def test_the_quality_table_has_the_first_stage_beside_the_models_and_intervals(found: Evaluation) -> None:
    table = quality_table(found)

    assert table.columns == ("system", "nDCG@10", "P@1")
    assert [row[0] for row in table.rows] == ["run (first stage)", "lexical", "<slow>"]
    assert re.fullmatch(r"\d\.\d{4} \(\d\.\d{3}–\d\.\d{3}\)", table.rows[1][1])


def test_the_cost_table_has_time_tokens_and_cost(found: Evaluation) -> None:
    lexical, slow = cost_table(found).rows

    assert float(slow[2]) >= 20
    assert (lexical[0], lexical[4], lexical[5]) == ("lexical", f"{found['lexical'].tokens:,}", "–")


def test_every_pair_of_systems_has_a_corrected_p(found: Evaluation) -> None:
    table = comparison_table(compared(found.systems, "nDCG@10"), "nDCG@10")

    assert [row[0] for row in table.rows] == ["lexical − run", "<slow> − run", "<slow> − lexical"]
    assert "Holm for the 3 comparisons" in table.note


def test_markdown_escapes_what_texts_hold(report: Report) -> None:
    page = markdown(report, plot="plot.svg")

    assert "**\\<b\\>reset \\| the \\*router\\***" in page
    assert "![Quality against time](plot.svg)" in page
    assert DOCUMENTS["d1"] in page
    assert page.count("## ") >= 5


def test_a_markdown_table_has_as_many_cells_in_every_row(report: Report) -> None:
    lines = markdown_table(report.tables[0]).splitlines()

    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {4}


def test_the_html_page_refers_to_nothing_outside(report: Report) -> None:
    tags: list[tuple[str, dict[str, str | None]]] = []

    class Collector(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attrs)))

    page = html(report)
    Collector().feed(page)

    assert {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "b>reset"} == set()
    assert [
        name
        for _, attributes in tags
        for name in attributes
        if name in {"src", "href", "xlink:href", "srcset"}
    ] == []
    assert "url(" not in page
    assert "@import" not in page


def test_the_html_page_escapes_what_texts_hold(report: Report) -> None:
    page = html(report)

    assert "&lt;b&gt;reset | the *router*" in page
    assert "<slow>" not in page
    assert DOCUMENTS["d1"] in page


def test_the_plot_puts_slower_to_the_right_and_better_up(found: Evaluation) -> None:
    svg = ElementTree.fromstring(scatter_svg(found))
    places = {
        (point.find("{*}title").text or "").split(":")[0]: (
            float(point.get("cx", 0)),
            float(point.get("cy", 0)),
        )  # type: ignore[union-attr]
        for point in svg.iter("{http://www.w3.org/2000/svg}circle")
    }

    assert places["<slow>"][0] > places["lexical"][0]
    assert places["lexical"][1] < places["<slow>"][1]
    assert all(0 < x < 600 and 0 < y < 380 for x, y in places.values())


def test_the_best_value_of_a_column_is_marked_in_both_reports(report: Report) -> None:
    quality, cost = report.tables[:2]

    assert quality.best == {(1, 1), (1, 2)}  # lexical, in both measures
    assert {cost.rows[row][0] for row, _ in cost.best} == {"lexical"}
    page = html(report)
    assert f'<td data-column="nDCG@10" class="best">{quality.rows[1][1]}</td>' in re.sub("</?span>", "", page)
    assert f"| **{quality.rows[1][1]}** |" in markdown(report)


def test_nothing_is_best_where_all_are_alike(found: Evaluation) -> None:
    alone = replace(found, models=(found["lexical"], replace(found["lexical"], name="copy")))

    assert {row for row, _ in quality_table(alone).best} == {1, 2}
    assert cost_table(alone).best == frozenset()


def test_every_column_of_figures_is_explained(report: Report) -> None:
    page = html(report)

    for table in report.tables:
        assert {name for name in table.columns[1:] if name} == set(table.explained)
    for name, meaning in report.tables[0].explained.items():
        assert f"<dt>{name}</dt><dd>{meaning}</dd>" in page
        assert f"- **{name}**: {meaning}" in markdown(report)


def test_a_cell_holds_its_column_for_screens_without_room_for_headings(report: Report) -> None:
    page = html(report)

    cells = sum(len(table.columns) * len(table.rows) for table in report.tables)
    assert page.count("<td data-column=") == page.count("<td") == cells


@pytest.mark.parametrize("part", ["page", "plot"])
def test_a_reader_with_a_dark_screen_gets_it_dark(found: Evaluation, report: Report, part: str) -> None:
    text = html(report) if part == "page" else scatter_svg(found)

    assert "@media (prefers-color-scheme: dark)" in text


@pytest.mark.parametrize(("theme", "paper"), [("light", "#ffffff"), ("dark", "#0d1117")])
def test_a_plot_may_be_asked_for_in_one_shade(found: Evaluation, theme: Theme, paper: str) -> None:
    svg = scatter_svg(found, theme=theme)

    assert f".paper{{fill:{paper}}}" in svg
    assert "@media" not in svg


def test_names_of_points_that_lie_together_do_not_lie_on_each_other(found: Evaluation) -> None:
    crowd = tuple(
        replace(found["lexical"], name=f"a model of the same kind, {number}") for number in range(6)
    )
    svg = ElementTree.fromstring(scatter_svg(replace(found, models=crowd)))
    heights = sorted(
        float(text.get("y", 0))
        for text in svg.iter("{http://www.w3.org/2000/svg}text")
        if (text.text or "").startswith("a model of")
    )

    assert len(heights) == 6
    assert all(lower - upper > 16.8 for upper, lower in pairwise(heights))
