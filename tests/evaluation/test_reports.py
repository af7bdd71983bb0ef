from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from localrank.evaluation import Evaluation, evaluate_sync
from localrank.evaluation.report import Report, comparison_table, cost_table, quality_table, report_of
from localrank.evaluation.report_html import html
from localrank.evaluation.report_markdown import markdown, markdown_table
from localrank.evaluation.scatter import scatter_svg
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
    assert all(0 < x < 720 and 0 < y < 380 for x, y in places.values())
