"""Links of rendered pages are followed to the page and to the place on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.site.links import broken_links


@pytest.mark.parametrize(
    "link",
    ["there.html", "there.html#place", "#here", "", "https://example.com", "mailto:a@b.c", "a%20b.txt"],
)
def test_a_link_that_leads_somewhere_is_not_reported(tmp_path: Path, link: str) -> None:
    _site(tmp_path, f'<p id="here"><a href="{link}">x</a>')

    assert broken_links(tmp_path) == []


@pytest.mark.parametrize("link", ["missing.html", "there.html#missing", "#missing", "folder/"])
def test_a_link_that_leads_nowhere_is_reported(tmp_path: Path, link: str) -> None:
    _site(tmp_path, f'<a href="{link}">x</a>')

    assert broken_links(tmp_path) == [f"index.html links to {link}, which is not there"]


@pytest.mark.parametrize(
    "element",
    [
        '<script src="https://example.com/x"></script>',
        '<link rel="stylesheet" href="https://example.com/x">',
        '<img src="//example.com/x">',
    ],
)
def test_what_a_page_loads_from_elsewhere_is_reported(tmp_path: Path, element: str) -> None:
    _site(tmp_path, element)

    assert [line.endswith("example.com/x from elsewhere") for line in broken_links(tmp_path)] == [True]


def _site(folder: Path, body: str) -> None:
    (folder / "folder").mkdir()
    (folder / "a b.txt").write_text("", "utf-8")
    (folder / "index.html").write_text(body, "utf-8")
    (folder / "there.html").write_text('<h1 id="place">There</h1>', "utf-8")
