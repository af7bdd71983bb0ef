"""Links of the rendered pages: each leads to a page and a place on it, and nothing is loaded from elsewhere."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["broken_links"]


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if value and key in ("id", "name"):
                self.places.add(value)
            elif value and key == "href":
                (self.loaded if tag == "link" else self.links).append(value)
            elif value and key == "src":
                self.loaded.append(value)


@cache
def _read(page: Path) -> _Page:
    return _Page(page.read_text("utf-8"))


def broken_links(site: Path) -> list[str]:
    """Return a line for each link of the site that leads nowhere, and for each thing that a page loads from elsewhere."""
    wrong: list[str] = []
    for page in sorted(site.rglob("*.html")):
        name = page.relative_to(site)
        here = _read(page)
        wrong += [f"{name} loads {url} from elsewhere" for url in here.loaded if _is_elsewhere(url)]
        links = dict.fromkeys(url for url in here.links + here.loaded if not _is_elsewhere(url))
        wrong += [f"{name} links to {url}, which is not there" for url in links if not _leads(page, url)]
    return wrong


def _is_elsewhere(url: str) -> bool:
    return urlsplit(url).scheme not in ("", "data") or url.startswith("//")


def _leads(page: Path, url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "data":
        return True
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_file():
        return False
    return not parts.fragment or target.suffix != ".html" or unquote(parts.fragment) in _read(target).places
