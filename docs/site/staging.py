"""The pages that the site is made of: those of docs/, README, and whatever file of the repository they link to.

They keep their places, so that every relative link means on the site what it means in the repository.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from docs.site.navigation import CHILDREN, SECTIONS

__all__ = ["BrokenLinkError", "stage"]

_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)\s]*)?\)")
_PICTURE = re.compile(
    r"<picture>\s*<source [^>]*dark[^>]* srcset=\"(?P<dark>[^\"]+)\">\s*"
    r"<img alt=\"(?P<alt>[^\"]+)\" src=\"(?P<light>[^\"]+)\" width=\"(?P<width>\d+)\">\s*</picture>"
)
_HOME = "README.md"


class BrokenLinkError(Exception):
    """A page links to what is no file of the repository."""


def stage(root: Path, into: Path) -> list[Path]:
    """Copy the pages and what they link to into an empty folder, add the navigation, and return the pages' old places.

    Raises:
        BrokenLinkError: A link leads nowhere, to a folder, or out of the repository.
    """
    pages: list[Path] = []
    found = {root / _HOME, root / "benchmarks/README.md", *root.glob("docs/**/*.md")}
    waiting = sorted(found)
    while waiting:
        source = waiting.pop()
        place = source.relative_to(root)
        target = into / ("index.md" if str(place) == _HOME else place)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix != ".md":
            shutil.copyfile(source, target)
            continue
        text = source.read_text("utf-8")
        target.write_text(_with_pictures(text) + _navigation(str(place)), "utf-8")
        pages.append(place)
        linked = _linked(source, text, root) - found
        found |= linked
        waiting += sorted(linked)
    return pages


def _linked(page: Path, text: str, root: Path) -> set[Path]:
    drawn = [name for match in _PICTURE.finditer(text) for name in match.group("light", "dark")]
    linked = {(page.parent / name).resolve() for name in (*_LINK.findall(text), *drawn)}
    for target in sorted(linked):
        if not target.is_file() or not target.is_relative_to(root):
            raise BrokenLinkError(
                f"{page.relative_to(root)} links to {target}, which is no file of the repository."
            )
    return linked


def _with_pictures(text: str) -> str:
    """Return the page with each picture as two images, of which the theme shows the one that suits its own switch.

    `<picture>` knows only the reader's system.
    """
    return _PICTURE.sub(
        lambda found: "\n".join(
            f"```{{image}} {found[shade]}\n:alt: {found['alt']}\n:width: {found['width']}px\n:class: only-{shade}\n```\n"
            for shade in ("light", "dark")
        ),
        text,
    )


def _navigation(place: str) -> str:
    """Return the table of contents that a page holds unseen, from which the theme makes its menu."""
    if place == _HOME:
        return "".join(_contents(pages, caption) for caption, pages in SECTIONS.items())
    return _contents(CHILDREN[place], None) if place in CHILDREN else ""


def _contents(pages: tuple[str, ...], caption: str | None) -> str:
    options = [":hidden:", ":glob:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["\n```{toctree}", *options, "", *pages, "```\n"])
